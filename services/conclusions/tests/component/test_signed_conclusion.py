"""From the completed consultation to the signed document in the medcard (S11)."""

import base64
import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from conclusions.application.ports import Outcome
from conclusions.bootstrap import CODEC
from conclusions.domain.conclusion.events import ConclusionSigned

Service = Any
Tool = Callable[..., str]

ANNA = UUID("01936f00-0000-7000-8000-00000000000a")
BORIS = UUID("01936f00-0000-7000-8000-00000000000b")
COLLEAGUE = UUID("01936f00-0000-7000-8000-0000000000d2")
DOCTOR_NAME = "Константинопольская-Преображенская Александра Владиславовна"

STORY = [
    "ConclusionOpened.v1",
    "ConclusionDraftSaved.v1",
    "ConclusionDocumentGenerated.v1",
    "ConclusionAttached.v1",
    "SignatureRequested.v1",
    "CertificateRegistered.v1",
    "ConclusionSigned.v1",
    "ConclusionPublished.v1",
]


async def signed_facts(service: Service) -> list[ConclusionSigned]:
    events = [CODEC.decode(event) for event in await service.events()]
    return [event for event in events if isinstance(event, ConclusionSigned)]


async def verified(service: Service, conclusion_id: str) -> dict[str, Any]:
    """As operators ask."""
    await service.runner.drain()
    answer = await service.client.get(
        f"/internal/conclusions/{conclusion_id}/verification",
        headers={
            **service.headers("service", service="ops", audience="conclusions"),
            "X-Kabinet-Tenant": "north",
        },
    )
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def download(
    service: Service, conclusion_id: str, role: str = "patient", **claims: Any
) -> Any:
    return await service.call("GET", f"/conclusions/{conclusion_id}/document", role, **claims)


@pytest.mark.requirement("CON-01", "CON-24", "CON-29")
async def test_a_written_conclusion_is_signed_and_published_without_a_further_step(
    service: Service,
) -> None:
    consultation_id = await service.complete()
    before = await service.call("GET", "/medcard/conclusions", "patient")
    assert before.json()["items"] == []
    shown = await service.publish(consultation_id)
    assert (shown["status"], shown["signing"]) == ("PUBLISHED", "AUTO")
    assert [kind for kind in await service.types() if kind in STORY] == STORY
    [card] = (await service.call("GET", "/medcard/conclusions", "patient")).json()["items"]
    assert card["conclusion_id"] == shown["conclusion_id"]


@pytest.mark.requirement("CON-29")
async def test_others_hear_of_the_publication_and_of_no_medical_text(service: Service) -> None:
    await service.publish(await service.complete())
    heard = await service.published()
    assert [envelope.type for envelope in heard] == [
        "ConclusionSigned.v1",
        "ConclusionPublished.v1",
    ]
    assert all("Кашель".encode() not in envelope.data for envelope in heard)


@pytest.mark.requirement("CON-01")
async def test_the_paper_says_who_was_seen_when_and_what_was_written(
    service: Service, tool: Tool
) -> None:
    """Of CON-05 what the suite knows: it has no logo, certificate number or programme to print."""
    shown = await service.publish(await service.complete())
    document = (await download(service, shown["conclusion_id"])).content
    printed = re.sub(r"\s+", " ", tool("pdftotext", document, "-layout", output="-"))
    for expected in (
        "ООО «Клиника north»",
        "ДОСТОЕВСКАЯ Анна",
        # The day before her birthday in the branch's zone.
        "40 лет",
        "21 ноября 2026 г., 15:00",
        "Кашель третий день",
        "Обильное питьё",
        "Терапевт",
    ):
        assert expected in printed


@pytest.mark.requirement("CON-26", "CON-46")
async def test_poppler_calls_the_signature_valid_and_a_flipped_byte_invalid(
    service: Service, tool: Tool
) -> None:
    shown = await service.publish(await service.complete())
    document = (await download(service, shown["conclusion_id"])).content
    judged = tool("pdfsig", document)
    assert "Signature is Valid." in judged
    assert "Total document signed" in judged
    printed = re.sub(r"\s+", " ", tool("pdftotext", document, "-layout", output="-"))
    certificate = (
        await service.call("GET", f"/conclusions/{shown['conclusion_id']}", "patient")
    ).json()["certificate"]
    assert certificate["owner"] == DOCTOR_NAME
    assert certificate["serial"] in printed
    assert "с 23.08.2026 по 14.02.2028" in printed
    flipped = bytearray(document)
    flipped[2000] ^= 1
    assert "Signature is Valid." not in tool("pdfsig", bytes(flipped))


@pytest.mark.requirement("CON-46")
async def test_everybody_reads_the_very_bytes_that_were_signed(service: Service) -> None:
    shown = await service.publish(await service.complete())
    [fact] = await signed_facts(service)
    first = await download(service, shown["conclusion_id"])
    again = await download(service, shown["conclusion_id"], "clinician")
    assert first.content == again.content
    assert hashlib.sha256(first.content).hexdigest() == fact.signature.signed_sha256
    attached = first.content[: fact.signature.document_size]
    assert hashlib.sha256(attached).hexdigest() == shown["document"]["sha256"]


@pytest.mark.requirement("CON-27")
async def test_the_record_and_the_file_suffice_to_verify_again(service: Service) -> None:
    shown = await service.publish(await service.complete())
    document = (await download(service, shown["conclusion_id"])).content
    [fact] = await signed_facts(service)
    record = fact.signature
    assert (record.algorithm, record.certificate.owner) == ("sha256_ecdsa", DOCTOR_NAME)
    assert record.signed_at == service.clock.now()
    assert base64.b64decode(record.cms_base64).hex() in document.decode("latin-1").lower()
    service.authority.away = True
    found = await verified(service, shown["conclusion_id"])
    root = x509.load_pem_x509_certificate((await service.authority_client.get("/root.pem")).content)
    assert found == {
        "outcome": "VALID",
        "signed_at": "2026-11-21T12:00:00Z",
        "timestamped": False,
        "roots": [root.fingerprint(hashes.SHA256()).hex()],
    }


@pytest.mark.requirement("CON-27")
async def test_a_stored_file_that_was_changed_or_lost_is_not_called_valid(service: Service) -> None:
    shown = await service.publish(await service.complete())
    changes: list[Callable[[Path, bytes], object]] = [
        lambda path, content: path.write_bytes(content[:-1] + bytes([content[-1] ^ 1])),
        lambda path, _: path.unlink(),
    ]
    outcomes = set()
    for path in [path for path in service.files.rglob("*") if path.is_file()]:
        content, found = path.read_bytes(), []
        for change in changes:
            change(path, content)
            found.append((await verified(service, shown["conclusion_id"]))["outcome"])
        path.write_bytes(content)
        outcomes.add(tuple(found))
    assert outcomes == {
        ("MODIFIED", "LOST"),
        ("NO_EVIDENCE", "NO_EVIDENCE"),
        ("VALID", "VALID"),  # of the document before it was signed, which is kept too
    }


@pytest.mark.requirement("CON-27")
async def test_whoever_can_seal_files_anew_cannot_change_the_recorded_document(
    service: Service,
) -> None:
    await service.publish(await service.complete())
    [fact] = await signed_facts(service)
    record, documents = fact.signature, service.conclusions.documents
    content = await documents.read("north", fact.case, record.signed_sha256)
    evidence = await documents.read("north", fact.case, record.evidence_sha256)
    verify = service.conclusions.signing.signer.verify
    for changed in (content[:2000] + bytes([content[2000] ^ 1]) + content[2001:], content[:-1]):
        for expected in (record.signed_sha256, hashlib.sha256(changed).hexdigest()):
            found = await verify(changed, evidence=evidence, signed_sha256=expected)
            assert found.outcome is Outcome.MODIFIED
    found = await verify(content, evidence=b"", signed_sha256=record.signed_sha256)
    assert found.outcome is Outcome.UNTRUSTED


@pytest.mark.requirement("CON-45")
async def test_the_document_can_be_viewed_taken_away_and_cached(service: Service) -> None:
    shown = await service.publish(await service.complete())
    viewed = await download(service, shown["conclusion_id"])
    assert viewed.headers["content-type"] == "application/pdf"
    assert viewed.headers["content-disposition"].startswith("inline; ")
    assert viewed.headers["cache-control"] == "private, no-cache"
    assert viewed.headers["etag"] == f'"{hashlib.sha256(viewed.content).hexdigest()}"'
    assert int(viewed.headers["content-length"]) == len(viewed.content)
    path = f"/conclusions/{shown['conclusion_id']}/document"
    taken = await service.call("GET", f"{path}?disposition=attachment", "patient")
    assert taken.headers["content-disposition"].startswith("attachment; ")
    same = await service.call(
        "GET", path, "patient", more={"If-None-Match": viewed.headers["etag"]}
    )
    assert (same.status_code, same.content) == (304, b"")
    reads = [kind for kind in await service.types() if "ConclusionDocument" in kind]
    assert reads == [
        "ConclusionDocumentGenerated.v1",
        "ConclusionDocumentViewed.v1",
        "ConclusionDocumentDownloaded.v1",
    ]
    read = next(e for e in await service.events() if e.type == "ConclusionDocumentViewed.v1")
    assert read.meta().actor.startswith("account:")
    assert read.meta().role == "patient"


@pytest.mark.requirement("GW-24", "OPS-08")
async def test_every_reading_is_recorded_whatever_key_the_reader_sends(service: Service) -> None:
    shown = await service.publish(await service.complete())
    for _ in range(2):
        assert (await download(service, shown["conclusion_id"], key="same")).status_code == 200
    reads = [e for e in await service.events() if e.type == "ConclusionDocumentViewed.v1"]
    assert len(reads) == 2
    assert {read.meta().subject for read in reads} == {str(ANNA)}


@pytest.mark.requirement("CON-45")
async def test_a_card_says_when_by_whom_and_with_what_it_was_signed(service: Service) -> None:
    shown = await service.publish(await service.complete())
    card = (await service.call("GET", f"/conclusions/{shown['conclusion_id']}", "patient")).json()
    assert card["doctor_name"] == DOCTOR_NAME
    assert card["specialty"] == "Терапевт"
    assert card["appointment"]["starts_at"] == "2026-11-21T15:00:00+05:00"
    assert card["appointment"]["zone_label"] == "UTC+5"
    assert card["signed_at"] == "2026-11-21T12:00:00Z"
    document = await service.client.get(card["document_url"], headers=service.headers("patient"))
    assert len(document.content) == card["size"]


@pytest.mark.requirement("CON-45", "CON-15")
async def test_only_the_patient_and_the_author_open_it(service: Service) -> None:
    shown = await service.publish(await service.complete())
    conclusion_id = shown["conclusion_id"]
    for role, claims, status in (
        ("patient", {"patient_id": BORIS}, 403),
        ("clinician", {"clinician_id": COLLEAGUE}, 403),
        ("administrator", {}, 403),
        ("manager", {}, 403),
        ("patient", {"tenant": "south"}, 404),
        ("anonymous", {}, 401),
    ):
        answer = await download(service, conclusion_id, role, **claims)
        assert answer.status_code == status, (role, claims, answer.text)
    assert "ConclusionDocumentViewed.v1" not in await service.types()
    theirs = await service.call("GET", "/medcard/conclusions", "patient", patient_id=BORIS)
    assert theirs.json()["items"] == []


async def test_the_medcard_is_read_in_pages_latest_first(service: Service) -> None:
    for number in range(3):
        await service.publish(await service.complete(number=number))
    first = (await service.call("GET", "/medcard/conclusions?limit=2", "patient")).json()
    rest = (
        await service.call("GET", f"/medcard/conclusions?limit=2&cursor={first['next']}", "patient")
    ).json()
    items = [*first["items"], *rest["items"]]
    assert rest["next"] is None
    assert [item["appointment"]["starts_at"][:10] for item in items] == [
        "2026-11-21",
        "2026-11-20",
        "2026-11-19",
    ]
    wrong = await service.call("GET", "/medcard/conclusions?cursor=e30", "patient")
    assert wrong.json()["code"] == "CURSOR_INVALID"


async def test_what_is_told_twice_happens_once(service: Service) -> None:
    consultation_id = await service.complete(times=3)
    await service.publish(consultation_id)
    await service.complete(times=2)
    kinds = await service.types()
    assert [kind for kind in kinds if kind in STORY] == STORY
    assert kinds.count("AppointmentRecorded.v1") == 1


async def test_no_event_and_no_file_holds_a_personal_value_in_the_clear(service: Service) -> None:
    await service.publish(await service.complete())
    at_rest = [path.read_bytes() for path in service.files.rglob("*") if path.is_file()]
    stored = [event.data + event.metadata for event in await service.events()]
    assert len(at_rest) == 3
    for personal in ("ДОСТОЕВСКАЯ", "Анна", "1985-11-22", "Кашель", "Обильное"):
        assert all(personal.encode() not in data for data in [*at_rest, *stored])


async def test_two_clinics_never_see_each_other_s_anything(service: Service) -> None:
    await service.tell_people("south")
    north = await service.publish(await service.complete())
    south_consultation = await service.complete(tenant="south")
    south = await service.publish(south_consultation, tenant="south")
    [card] = (await service.call("GET", "/medcard/conclusions", "patient")).json()["items"]
    assert card["conclusion_id"] == north["conclusion_id"]
    hidden = await download(service, south["conclusion_id"])
    assert hidden.status_code == 404
    path = f"/consultations/{south_consultation}/conclusion"
    assert (await service.call("GET", path)).status_code == 404
    assert (await service.call("PUT", f"{path}/draft", json={})).status_code == 404
    folders = {path.name for path in service.files.iterdir()}
    assert folders == {"north", "south", ".incoming"}
