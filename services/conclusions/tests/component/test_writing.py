"""The form, the draft, the preview, and a file instead of them."""

import io
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid5

import pytest
from pypdf import PdfReader, PdfWriter

from conclusions.domain.conclusion.commands import FailSignature, RequestAutomaticSignature
from conclusions.domain.conclusion.events import SigningFailure
from conclusions.domain.form import FIELD_KEYS
from event_store import CommandContext, Metadata
from service_kit.ids import new_id

Service = Any
Tool = Callable[..., str]

ANNA = UUID("01936f00-0000-7000-8000-00000000000a")
COLLEAGUE = UUID("01936f00-0000-7000-8000-0000000000d2")
PDF = {"content-type": "application/pdf"}


def path_of(consultation_id: UUID) -> str:
    return f"/consultations/{consultation_id}/conclusion"


def clinic_file(pages: int = 1, *, password: str | None = None) -> bytes:
    writer = PdfWriter()
    for _ in range(pages):
        writer.add_blank_page(595, 842)
    if password is not None:
        writer.encrypt(password)
    file = io.BytesIO()
    writer.write(file)
    return file.getvalue()


@pytest.mark.requirement("CON-02", "CON-03")
async def test_the_form_has_thirteen_numbered_fields_behind_the_reason_with_hints(
    service: Service,
) -> None:
    reason, *fields = (await service.call("GET", "/conclusion-form")).json()["fields"]
    assert (reason["key"], reason["number"], reason["label"]) == (
        "reason_for_visit",
        None,
        "Причина обращения",
    )
    assert [field["number"] for field in fields] == list(range(1, 14))
    assert [field["key"] for field in fields] == list(FIELD_KEYS)
    hints = {field["number"]: field["hint"] for field in fields if field["hint"]}
    assert set(hints) == {2, 3}
    for words in ("температура", "кожные покровы", "цианоз", "артериальное давление"):
        assert words in hints[2]
    for words in ("операции", "травмы", "аллергия", "текущая терапия"):
        assert words in hints[3]
    english = await service.call("GET", "/conclusion-form", more={"Accept-Language": "en"})
    assert english.json()["fields"][1]["label"] == "Complaints"


@pytest.mark.requirement("CON-02")
async def test_a_draft_is_kept_and_changed_field_by_field(service: Service) -> None:
    path = f"{path_of(await service.complete())}/draft"
    empty = await service.call("GET", path)
    assert set(empty.json()) == {"reason_for_visit", *FIELD_KEYS}
    assert not any(empty.json().values())
    written = {key: f"содержание {key}" for key in ("reason_for_visit", *FIELD_KEYS)}
    saved = await service.call("PUT", path, json=written)
    assert saved.json()["filled"] == ["reason_for_visit", *FIELD_KEYS]
    assert (await service.call("GET", path)).json() == written
    fewer = {"complaints": "  Кашель \n", "history": "   "}
    assert (await service.call("PUT", path, json=fewer)).json()["filled"] == ["complaints"]
    read = (await service.call("GET", path)).json()
    assert {key: text for key, text in read.items() if text} == {"complaints": "Кашель"}


@pytest.mark.requirement("GW-24")
async def test_reading_a_draft_is_recorded_and_makes_no_version_stale(service: Service) -> None:
    path = f"{path_of(await service.complete())}/draft"
    seen = (await service.call("GET", path)).headers["etag"]
    assert (await service.call("GET", path)).headers["etag"] == seen
    saved = await service.call("PUT", path, json={"complaints": "x"}, more={"If-Match": seen})
    assert saved.status_code == 200
    foreign = await service.call("GET", path, clinician_id=COLLEAGUE)
    assert foreign.status_code == 403
    [read] = [event for event in await service.events() if event.type == "DraftRead.v1"]
    assert (read.meta().subject, read.meta().role) == (str(ANNA), "clinician")


async def test_saving_the_same_again_adds_nothing(service: Service) -> None:
    path = f"{path_of(await service.complete())}/draft"
    for _ in range(3):
        await service.call("PUT", path, json={"complaints": "Кашель"})
    await service.call("PUT", path, json={"complaints": "Кашель и насморк"}, key="one")
    await service.call("PUT", path, json={"complaints": "Кашель и насморк"}, key="one")
    assert (await service.types()).count("ConclusionDraftSaved.v1") == 2


async def test_a_stale_draft_does_not_overwrite_a_newer_one(service: Service) -> None:
    path = f"{path_of(await service.complete())}/draft"
    seen = (await service.call("GET", path)).headers["etag"]
    await service.call("PUT", path, json={"complaints": "с телефона"})
    stale = await service.call("PUT", path, json={"complaints": "x"}, more={"If-Match": seen})
    assert (stale.status_code, stale.json()["code"]) == (412, "VERSION_CHANGED")
    fresh = (await service.call("GET", path)).headers["etag"]
    answer = await service.call("PUT", path, json={"complaints": "y"}, more={"If-Match": fresh})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "body", [{"diagnosis": "J06"}, {"complaints": "x" * 20_001}, {"complaints": None}]
)
async def test_what_is_not_of_the_form_is_refused(service: Service, body: object) -> None:
    answer = await service.call("PUT", f"{path_of(await service.complete())}/draft", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "VALIDATION_FAILED")
    assert "J06" not in answer.text


@pytest.mark.requirement("CON-06")
async def test_a_preview_is_seen_by_its_author_alone_until_it_is_attached(
    service: Service, tool: Tool
) -> None:
    path = path_of(await service.complete())
    await service.call("PUT", f"{path}/draft", json={"complaints": "Кашель третий день"})
    generated = await service.call("POST", f"{path}/preview")
    assert generated.status_code == 201
    _, seen = [await service.call("GET", f"{path}/preview", key="same") for _ in range(2)]
    assert "Кашель третий день" in tool("pdftotext", seen.content, output="-")
    assert seen.headers["cache-control"] == "private, no-store"
    assert (await service.types()).count("ConclusionDocumentViewed.v1") == 2
    foreign = await service.call("GET", f"{path}/preview", clinician_id=COLLEAGUE)
    assert foreign.status_code == 403
    status = (await service.call("GET", path)).json()
    assert (status["status"], status["preview"]["document_id"]) == (
        "GENERATED",
        generated.json()["document_id"],
    )
    assert (await service.call("GET", "/medcard/conclusions", "patient")).json()["items"] == []
    for hidden in ("", "/document"):
        answer = await service.call(
            "GET", f"/conclusions/{status['conclusion_id']}{hidden}", "patient"
        )
        assert answer.status_code == 404


@pytest.mark.requirement("CON-06")
async def test_a_cancelled_preview_leaves_the_draft(service: Service) -> None:
    path = path_of(await service.complete())
    await service.call("PUT", f"{path}/draft", json={"complaints": "Кашель"})
    generated = (await service.call("POST", f"{path}/preview")).json()
    for _ in range(2):
        assert (await service.call("DELETE", f"{path}/preview")).status_code == 204
    gone = await service.call("GET", f"{path}/preview")
    assert (gone.status_code, gone.json()["code"]) == (409, "NOTHING_TO_PREVIEW")
    late = await service.call(
        "POST", f"{path}/attachment", json={"document_id": generated["document_id"]}
    )
    assert (late.status_code, late.json()["code"]) == (409, "NOTHING_TO_PREVIEW")
    assert (await service.call("GET", f"{path}/draft")).json()["complaints"] == "Кашель"


async def test_what_is_attached_is_what_was_looked_at(service: Service) -> None:
    path = path_of(await service.complete())
    await service.call("PUT", f"{path}/draft", json={"complaints": "Кашель"})
    first = (await service.call("POST", f"{path}/preview")).json()
    await service.call("PUT", f"{path}/draft", json={"complaints": "Насморк"})
    second = (await service.call("POST", f"{path}/preview")).json()
    stale = await service.call(
        "POST", f"{path}/attachment", json={"document_id": first["document_id"]}
    )
    assert (stale.status_code, stale.json()["code"]) == (409, "PREVIEW_OUTDATED")
    answers = [
        await service.call(
            "POST", f"{path}/attachment", json={"document_id": second["document_id"]}
        )
        for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json()["document"] == second
    for method, route, body in (
        ("PUT", "draft", {"complaints": "x"}),
        ("POST", "preview", None),
        ("DELETE", "preview", None),
    ):
        late = await service.call(method, f"{path}/{route}", json=body)
        assert (late.status_code, late.json()["code"]) == (409, "CONCLUSION_ALREADY_ATTACHED")


async def test_nothing_is_printed_from_an_empty_draft(service: Service) -> None:
    path = path_of(await service.complete())
    for body in (None, {"reason_for_visit": "Кашель"}):
        if body is not None:
            await service.call("PUT", f"{path}/draft", json=body)
        answer = await service.call("POST", f"{path}/preview")
        assert (answer.status_code, answer.json()["code"]) == (409, "DRAFT_EMPTY")


@pytest.mark.requirement("CON-11")
async def test_before_the_consultation_is_completed_nothing_can_be_given(service: Service) -> None:
    path = path_of(uuid5(ANNA, "not completed"))
    upload = await service.call("POST", f"{path}/upload", content=clinic_file(), more=PDF)
    draft = await service.call("PUT", f"{path}/draft", json={"complaints": "Кашель"})
    sign = await service.call("POST", f"{path}/signature")
    for answer in (upload, draft, sign):
        assert (answer.status_code, answer.json()["code"]) == (404, "CONCLUSION_NOT_DUE")
    assert not any(path.is_file() for path in service.files.rglob("*"))


@pytest.mark.requirement("CON-11", "CON-26")
async def test_an_uploaded_file_is_signed_on_a_page_of_its_own_and_published(
    service: Service, tool: Tool
) -> None:
    consultation_id = await service.complete()
    file = clinic_file(2)
    answer = await service.call(
        "POST", f"{path_of(consultation_id)}/upload", content=file, more=PDF
    )
    assert answer.status_code == 201, answer.text
    await service.settle()
    shown = await service.status(consultation_id)
    assert shown["status"] == "PUBLISHED"
    document = await service.call(
        "GET", f"/conclusions/{shown['conclusion_id']}/document", "patient"
    )
    assert document.content.startswith(file)
    assert len(PdfReader(io.BytesIO(document.content)).pages) == 3
    assert "Signature is Valid." in tool("pdfsig", document.content)


@pytest.mark.requirement("CON-13")
async def test_a_second_conclusion_is_refused(service: Service) -> None:
    consultation_id = await service.complete()
    path = path_of(consultation_id)
    first = await service.call("POST", f"{path}/upload", content=clinic_file(), more=PDF)
    assert first.status_code == 201
    for settled in (False, True):
        if settled:
            await service.settle()
        second = await service.call("POST", f"{path}/upload", content=clinic_file(2), more=PDF)
        assert (second.status_code, second.json()["code"]) == (409, "CONCLUSION_ALREADY_ATTACHED")
    shown = await service.status(consultation_id)
    assert shown["document"]["sha256"] == first.json()["document"]["sha256"]


async def test_the_same_upload_again_changes_nothing(service: Service) -> None:
    path = path_of(await service.complete())
    body: dict[str, Any] = {"content": clinic_file(), "more": PDF, "key": "once"}
    first = await service.call("POST", f"{path}/upload", **body)
    again = await service.call("POST", f"{path}/upload", **body)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert (await service.types()).count("ConclusionUploaded.v1") == 1


@pytest.mark.parametrize(
    ("content", "headers", "code"),
    [
        (b"", PDF, "FILE_EMPTY"),
        (b"just text", PDF, "FILE_TYPE_NOT_ALLOWED"),
        (b"\x89PNG\r\n\x1a\n" + bytes(1000), PDF, "FILE_TYPE_NOT_ALLOWED"),
        (clinic_file(), {"content-type": "image/png"}, "FILE_TYPE_MISMATCH"),
        (b"%PDF-1.7 and nothing behind it", PDF, "DOCUMENT_UNSIGNABLE"),
        (clinic_file(password="x"), PDF, "DOCUMENT_UNSIGNABLE"),
        (clinic_file().replace(b"/Count 1", b"/Count 9"), PDF, "DOCUMENT_UNSIGNABLE"),
    ],
)
async def test_a_file_that_cannot_be_signed_is_refused_at_once(
    service: Service, content: bytes, headers: dict[str, str], code: str
) -> None:
    consultation_id = await service.complete()
    path = path_of(consultation_id)
    answer = await service.call("POST", f"{path}/upload", content=content, more=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    good = await service.call("POST", f"{path}/upload", content=clinic_file(), more=PDF)
    assert good.status_code == 201


@pytest.mark.requirement("CON-11", "CON-29")
async def test_a_file_that_proved_unsignable_is_replaced_and_the_other_one_published(
    service: Service,
) -> None:
    consultation_id = await service.complete()
    path = path_of(consultation_id)
    await service.call("POST", f"{path}/upload", content=clinic_file(), more=PDF)
    attempt = FailSignature(
        attempt=1, reason=SigningFailure.DOCUMENT_UNSIGNABLE, now=service.clock.now()
    )
    for command in (RequestAutomaticSignature(), attempt):
        await service.conclusions.conclusions.handle(
            command,
            key=consultation_id,
            context=CommandContext(
                command_id=new_id(),
                metadata=Metadata(
                    tenant="north",
                    actor="service:conclusions",
                    role="service",
                    time=service.clock.now(),
                    correlation=new_id(),
                ),
            ),
        )
    await service.settle()
    shown = await service.status(consultation_id)
    assert (shown["status"], shown["failure"]["reason"]) == ("SIGN_FAILED", "DOCUMENT_UNSIGNABLE")
    other = await service.call("POST", f"{path}/upload", content=clinic_file(2), more=PDF)
    assert other.status_code == 201, other.text
    await service.settle()
    shown = await service.status(consultation_id)
    assert (shown["status"], shown["failure"]) == ("PUBLISHED", None)
    assert shown["document"] == other.json()["document"]


async def test_a_signed_file_is_not_signed_again(service: Service) -> None:
    shown = await service.publish(await service.complete())
    signed = await service.call("GET", f"/conclusions/{shown['conclusion_id']}/document", "patient")
    path = path_of(await service.complete(number=1))
    answer = await service.call("POST", f"{path}/upload", content=signed.content, more=PDF)
    assert (answer.status_code, answer.json()["code"]) == (422, "DOCUMENT_UNSIGNABLE")


async def test_the_clinic_says_how_large_a_file_may_be(service: Service) -> None:
    answer = await service.call(
        "PUT",
        "/policies/conclusions",
        "administrator",
        json={"key": "upload_limit_mb", "value": 1, "reason": "TRIAL"},
    )
    assert answer.status_code == 200, answer.text
    path = path_of(await service.complete())
    large = clinic_file() + b"%" * (1024 * 1024)
    refused = await service.call("POST", f"{path}/upload", content=large, more=PDF)
    assert (refused.status_code, refused.json()["code"]) == (422, "FILE_TOO_LARGE")


@pytest.mark.requirement("CON-15")
async def test_a_colleague_cannot_write_it(service: Service) -> None:
    path = path_of(await service.complete())
    for method, route, body in (
        ("PUT", "draft", {"complaints": "x"}),
        ("POST", "preview", None),
        ("DELETE", "preview", None),
        ("POST", "attachment", {"document_id": str(ANNA)}),
        ("POST", "signature", None),
    ):
        answer = await service.call(method, f"{path}/{route}", json=body, clinician_id=COLLEAGUE)
        assert (answer.status_code, answer.json()["code"]) == (403, "NOT_AUTHOR")
    upload = await service.call(
        "POST", f"{path}/upload", content=clinic_file(), more=PDF, clinician_id=COLLEAGUE
    )
    assert upload.json()["code"] == "NOT_AUTHOR"


async def test_what_others_have_not_told_yet_is_asked_for_again_later(service: Service) -> None:
    """South knows of the consultation, but not of its people."""
    consultation_id = await service.complete(tenant="south")
    path = path_of(consultation_id)
    await service.call("PUT", f"{path}/draft", json={"complaints": "Кашель"}, tenant="south")
    early = await service.call("POST", f"{path}/preview", tenant="south")
    assert (early.status_code, early.json()["code"]) == (503, "UNAVAILABLE")
    await service.tell_people("south")
    await service.settle()
    assert (await service.call("POST", f"{path}/preview", tenant="south")).status_code == 201


@pytest.mark.requirement("OPS-02", "OPS-05")
async def test_all_that_happens_to_a_conclusion_is_about_its_patient(service: Service) -> None:
    """Written, discarded, printed, attached or uploaded, signed by itself or by hand: `/audit/subjects` shows it."""
    await service.publish(await service.complete())
    uploaded = path_of(await service.complete(number=1))
    await service.call("PUT", f"{uploaded}/draft", json={"complaints": "Кашель"})
    await service.call("POST", f"{uploaded}/preview")
    await service.call("DELETE", f"{uploaded}/preview")
    service.authority.refuses = True
    await service.call("POST", f"{uploaded}/upload", content=clinic_file(), more=PDF)
    await service.settle()
    service.authority.refuses = False
    assert (await service.call("POST", f"{uploaded}/signature")).status_code == 202
    await service.settle()
    story = [event for event in await service.events() if event.stream.startswith("conclusion-")]
    assert {"ConclusionUploaded.v1", "ConclusionAttached.v1", "ConclusionPreviewDiscarded.v1"} <= {
        event.type for event in story
    }
    assert {(event.type, event.meta().subject) for event in story} == {
        (event.type, str(ANNA)) for event in story
    }
    heard = await service.published()
    assert {envelope.metadata.subject for envelope in heard} == {str(ANNA)}
