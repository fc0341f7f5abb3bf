"""The chat over HTTP: order, repeats, refusals, files, and nothing personal where it does not belong."""

import hashlib
import io
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

PDF = b"%PDF-1.7\n" + b"x" * 1000
SECRET = "Болит голова третий день"


def words(text: str = SECRET, number: int = 1, *files: str) -> dict[str, Any]:
    return {"client_message_id": str(UUID(int=number)), "text": text, "file_ids": list(files)}


@pytest.mark.requirement("ROOM-21", "ROOM-22", "ROOM-24", "ROOM-31")
async def test_a_patient_writes_before_the_doctor_comes_and_nothing_is_lost(world: Any) -> None:
    room = await world.opened()
    shared = (await world.upload(room, PDF, "анализ.pdf")).json()
    await world.send("POST", f"/{room}/messages", words(SECRET, 1, shared["file_id"]))
    world.clock.set(world.start)
    await world.send("POST", f"/{room}/taking", who="clinician")
    await world.settle()
    await world.send("POST", f"/{room}/messages", words("Здравствуйте", 2), who="clinician")
    await world.settle()

    chat = (await world.get(f"/{room}/messages", who="clinician"))["items"]
    assert [(m["number"], m["author"]) for m in chat] == [
        (1, "SYSTEM"),
        (2, "SYSTEM"),
        (3, "CLIENT"),
        (4, "SYSTEM"),
        (5, "SYSTEM"),
        (6, "DOCTOR"),
    ]
    assert chat[0]["text"] == "Ваша заявка принята, согласия подтверждены."
    assert "13:00 (UTC+3). Документы можно прислать" in chat[1]["text"]
    assert chat[2]["text"] == SECRET
    assert chat[2]["files"] == [shared]
    assert shared | {"file_id": ""} == {
        "file_id": "",
        "name": "анализ.pdf",
        "media_type": "application/pdf",
        "size": len(PDF),
    }
    assert chat[3]["text"].startswith("Здравствуйте! Меня зовут Иванова Анна Петровна")
    assert "в чате, голосом или по видео" in chat[3]["text"]
    assert chat[5]["posted_at"] == "2026-12-01T10:00:00Z"
    assert (await world.get(f"/{room}/messages"))["items"] == chat


@pytest.mark.requirement("ROOM-08", "ROOM-07")
async def test_the_doctor_does_not_speak_before_the_consultation_is_taken(world: Any) -> None:
    """Neither by a message nor by a file, also while the patient waits; too early is too early for the chat too."""
    room = await world.opened()
    await world.send("POST", f"/{room}/connection")
    file_id = (await world.upload(room, PDF, "a.pdf")).json()["file_id"]
    for answer in (
        await world.send("POST", f"/{room}/messages", words("Здравствуйте"), who="clinician"),
        await world.upload(room, PDF, "b.pdf", who="clinician"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "NOT_IN_WORK")
    told = await world.send("POST", f"/{room}/messages", words("", 2, file_id))
    assert told.status_code == 201, "the patient may"
    world.clock.set(world.start)
    await world.send("POST", f"/{room}/taking", who="clinician")
    for answer in (
        await world.send("POST", f"/{room}/messages", words("Здравствуйте"), who="clinician"),
        await world.upload(room, PDF, "b.pdf", who="clinician"),
    ):
        assert answer.status_code == 201


async def test_system_messages_are_in_the_readers_language(world: Any) -> None:
    room = await world.opened()
    english = await world.get(f"/{room}/messages", headers={"Accept-Language": "en"})
    assert english["items"][0]["text"] == "Your request is accepted, the consents are confirmed."
    by_account = await world.get(f"/{room}/messages", language="en")
    assert "December 1, 2026, 13:00 (UTC+3)" in by_account["items"][1]["text"]


@pytest.mark.requirement("ROOM-27")
async def test_a_repeated_send_is_one_message(world: Any) -> None:
    room = await world.opened()
    first = await world.send("POST", f"/{room}/messages", words(), key="one")
    world.clock.advance(timedelta(minutes=1))
    for key in ("one", "another"):
        again = await world.send("POST", f"/{room}/messages", words(), key=key)
        assert (again.status_code, again.json()) == (201, first.json())
    assert await world.facts("MessagePosted") == ["MessagePosted"]


@pytest.mark.requirement("ROOM-27")
@pytest.mark.parametrize("text", ["", "  \n\t "])
async def test_an_empty_message_is_refused(world: Any, text: str) -> None:
    room = await world.opened()
    refused = await world.send("POST", f"/{room}/messages", words(text))
    assert (refused.status_code, refused.json()["code"]) == (422, "EMPTY_MESSAGE")
    file_id = (await world.upload(room, PDF, "a.pdf")).json()["file_id"]
    assert (await world.send("POST", f"/{room}/messages", words(text, 2, file_id))).status_code == (
        201
    )


async def test_only_own_files_of_this_chat_can_be_shown(world: Any) -> None:
    second, room = await world.opened("second"), await world.in_work()
    file_id = (await world.upload(room, PDF, "a.pdf")).json()["file_id"]
    for chat, who in ((second, "patient"), (room, "clinician")):
        refused = await world.send("POST", f"/{chat}/messages", words("", 1, file_id), who=who)
        assert (refused.status_code, refused.json()["code"]) == (422, "UNKNOWN_FILE")


async def test_the_chat_comes_in_pages_and_from_the_last_seen_number(world: Any) -> None:
    room = await world.opened()
    for number in range(1, 6):
        await world.send("POST", f"/{room}/messages", words(f"{number}", number))
    await world.settle()
    first = await world.get(f"/{room}/messages?limit=3")
    rest = await world.get(f"/{room}/messages?limit=4&cursor={first['next']}")
    numbers = [m["number"] for page in (first, rest) for m in page["items"]]
    assert numbers == [1, 2, 3, 4, 5, 6, 7]
    assert rest["next"] is None
    assert [m["number"] for m in (await world.get(f"/{room}/messages?last_seen=6"))["items"]] == [7]


@pytest.mark.requirement("ROOM-25")
async def test_both_sides_share_files_and_download_them_also_after_the_end(world: Any) -> None:
    room = await world.in_work()
    shared = {
        who: (await world.upload(room, PDF + who.encode(), f"{who}.pdf", who=who)).json()
        for who in ("patient", "clinician")
    }
    await world.send("POST", f"/{room}/completion", who="clinician")
    await world.settle()
    for reader in ("patient", "clinician"):
        for sender, file in shared.items():
            path = f"/{room}/files/{file['file_id']}"
            answer = await world.send("GET", path, who=reader)
            assert answer.content == PDF + sender.encode()
            assert answer.headers["content-type"] == "application/pdf"
            assert answer.headers["content-disposition"] == (
                f"attachment; filename*=UTF-8''{sender}.pdf"
            )
            assert answer.headers["cache-control"] == "private, no-store"
    path = f"/{room}/files/{shared['patient']['file_id']}"
    foreign = await world.send("GET", path, patient_id=world.other_patient)
    assert foreign.status_code == 403
    assert (await world.send("GET", path, who="manager")).status_code == 403
    assert (await world.send("GET", path, tenant="south")).status_code == 404
    assert (await world.send("GET", f"/{room}/files/{UUID(int=1)}")).status_code == 404


@pytest.mark.requirement("ROOM-26")
async def test_what_may_be_attached_to_a_booking_may_be_shared_in_a_chat(world: Any) -> None:
    room = await world.opened()
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as files:
        files.writestr("МРТ.txt", "снимки")
    jpeg = b"\xff\xd8\xff\xe0" + bytes(100)
    for content, name in ((archive.getvalue(), "МРТ.zip"), (jpeg, "a.jpg"), (jpeg, "a.jpeg")):
        shared = await world.upload(room, content, name)
        assert shared.status_code == 201, (name, shared.text)
    refused = await world.upload(room, b"just words", "a.txt")
    assert (refused.status_code, refused.json()["code"]) == (422, "FILE_TYPE_NOT_ALLOWED")
    await world.policy("file_types", ["txt"])
    assert (await world.upload(room, b"just words", "a.txt")).status_code == 201


@pytest.mark.requirement("ROOM-26")
async def test_files_are_refused_for_size_type_content_and_number(world: Any) -> None:
    await world.policy("max_file_megabytes", 1)
    await world.policy("max_files", 2)
    room = await world.in_work()
    for content, name, code in (
        (b"%PDF-" + b"x" * (1024 * 1024), "a.pdf", "FILE_TOO_LARGE"),
        (b"MZ\x90\x00", "a.exe", "FILE_TYPE_NOT_ALLOWED"),
        (b"PK\x03\x04", "a.zip", "FILE_TYPE_NOT_ALLOWED"),
        (b"\x89PNG\r\n\x1a\n", "a.pdf", "FILE_TYPE_MISMATCH"),
        (b"", "a.pdf", "FILE_EMPTY"),
    ):
        refused = await world.upload(room, content, name)
        assert (refused.status_code, refused.json()["code"]) == (422, code)
        assert refused.json()["title"] != "Unprocessable Entity"
    fits = b"%PDF-" + b"x" * (1024 * 1024 - 5)
    assert (await world.upload(room, fits, "a.pdf")).status_code == 201
    second = await world.upload(room, PDF, r"C:\fakepath\b.pdf", key="second")
    assert second.json()["name"] == "b.pdf"
    third = await world.upload(room, PDF, "c.pdf")
    assert (third.status_code, third.json()["code"]) == (409, "TOO_MANY_FILES")
    again = await world.upload(room, PDF, "b.pdf", key="second")
    assert (again.status_code, again.json()) == (201, second.json())
    assert (await world.upload(room, PDF, "d.pdf", who="clinician")).status_code == 201


async def test_a_file_that_is_gone_is_not_found(world: Any, tmp_path: Path) -> None:
    room = await world.opened()
    file_id = (await world.upload(room, PDF, "a.pdf")).json()["file_id"]
    for stored in (tmp_path / "files" / "north").rglob("*"):
        if stored.is_file():
            stored.unlink()
    assert (await world.send("GET", f"/{room}/files/{file_id}")).status_code == 404


def at_rest(folder: Path) -> list[Path]:
    return [path for path in (folder / "files").rglob("*") if path.is_file()]


async def test_nothing_of_a_file_is_on_the_disk(world: Any, tmp_path: Path) -> None:
    """Neither its bytes nor the hash by which whoever has the same file could recognise it."""
    room = await world.opened()
    content = PDF + SECRET.encode() * 30_000
    file_id = (await world.upload(room, content, "a.pdf")).json()["file_id"]
    [path] = at_rest(tmp_path)
    stored = path.read_bytes()
    assert len(stored) > len(content)
    digest = hashlib.sha256(content)
    for telling in (
        b"%PDF",
        b"xxxx",
        SECRET.encode(),
        digest.digest(),
        digest.hexdigest().encode(),
    ):
        assert telling not in stored
    assert digest.hexdigest() not in str(path)
    assert (await world.send("GET", f"/{room}/files/{file_id}")).content == content


async def test_a_file_that_was_changed_is_not_given_out(world: Any, tmp_path: Path) -> None:
    room = await world.opened()
    file_id = (await world.upload(room, PDF, "a.pdf")).json()["file_id"]
    [path] = at_rest(tmp_path)
    stored = bytearray(path.read_bytes())
    stored[-1] ^= 1
    path.write_bytes(stored)
    answer = await world.send("GET", f"/{room}/files/{file_id}")
    assert answer.status_code == 500
    assert b"%PDF" not in answer.content


async def test_an_erased_patients_files_cannot_be_read(world: Any) -> None:
    room = await world.opened()
    file_id = (await world.upload(room, PDF, "a.pdf")).json()["file_id"]
    await world.keyring.destroy("north", world.patient)
    world.sealers.forget("north", world.patient)
    assert (await world.send("GET", f"/{room}/files/{file_id}")).status_code == 410


async def test_words_and_names_of_files_are_stored_sealed(world: Any) -> None:
    room = await world.opened()
    file_id = (await world.upload(room, PDF, "МРТ Иванова.pdf")).json()["file_id"]
    await world.send("POST", f"/{room}/messages", words(SECRET, 1, file_id))
    await world.settle()
    stored = await world.stored()
    records = await world.pool.fetch("SELECT t::text AS row FROM views.transcript_v1 t")
    everything = stored.decode() + "".join(record["row"] for record in records)
    for secret in (SECRET, "МРТ", "Иванова.pdf"):
        assert secret not in everything
        assert secret.encode("unicode_escape").decode() not in everything
    assert "chat_text" in everything


async def test_an_erased_patients_words_cannot_be_read(world: Any) -> None:
    room = await world.opened()
    await world.send("POST", f"/{room}/messages", words())
    await world.settle()
    await world.keyring.destroy("north", world.patient)
    world.sealers.forget("north", world.patient)
    gone = await world.send("GET", f"/{room}/messages", who="clinician")
    assert (gone.status_code, gone.json()["code"]) == (410, "SUBJECT_ERASED")
