"""Letters over real SMTP, and what a test and a person see of them."""

import asyncio
import time
from email.message import EmailMessage

import aiosmtplib
import pytest

from sandbox.testing import Mail

INVITATION = b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n"


def letter(to: str = "anna@example.org", message_id: str = "<booking-1@kabinet>") -> EmailMessage:
    message = EmailMessage()
    message["From"] = "clinic@example.org"
    message["To"] = to
    message["Subject"] = "Вы записаны"
    message["Message-ID"] = message_id
    message.set_content("Приём завтра")
    message.add_alternative("<p>Приём <b>завтра</b></p>", subtype="html")
    message.add_attachment(INVITATION, "text", "calendar", filename="приём.ics")
    return message


async def send(mail: Mail, message: EmailMessage) -> None:
    await aiosmtplib.send(message, hostname="127.0.0.1", port=mail.smtp_port, start_tls=False)


async def test_a_letter_is_kept_with_its_texts_and_attachments(mail: Mail) -> None:
    await send(mail, letter())
    [kept] = await mail.messages()
    assert kept["kind"] == "email"
    assert (kept["from"], kept["to"]) == ("clinic@example.org", ["anna@example.org"])
    assert (kept["subject"], kept["message_id"]) == ("Вы записаны", "<booking-1@kabinet>")
    assert str(kept["text"]).strip() == "Приём завтра"
    assert "<b>завтра</b>" in str(kept["html"])
    assert kept["received_at"] == "2026-11-21T09:00:00.000+00:00"
    assert isinstance(kept["attachments"], list)
    [attachment] = kept["attachments"]
    assert (attachment["name"], attachment["content_type"]) == ("приём.ics", "text/calendar")
    downloaded = await mail.client.get(attachment["url"])
    assert downloaded.content == INVITATION
    assert downloaded.headers["content-disposition"].startswith("attachment")
    assert (await mail.client.get(f"/messages/{kept['id']}")).json() == kept


async def test_a_plain_letter_has_neither_html_nor_attachments(mail: Mail) -> None:
    message = EmailMessage()
    message["From"], message["To"] = "clinic@example.org", "anna@example.org"
    message.set_content("код 123456")
    await send(mail, message)
    [kept] = await mail.messages()
    assert (kept["html"], kept["attachments"]) == (None, [])
    assert (await mail.client.get(f"/messages/{kept['id']}/html")).status_code == 404
    assert (await mail.client.get(f"/messages/{kept['id']}/attachments/0")).status_code == 404


async def test_messages_are_found_by_recipient_kind_and_page(mail: Mail) -> None:
    for number in range(3):
        await send(mail, letter("Anna@example.org", f"<{number}@kabinet>"))
    await send(mail, letter("boris@example.org", "<other@kabinet>"))
    mine = await mail.messages(to="anna@EXAMPLE.org", kind="email")
    assert [one["message_id"] for one in mine] == ["<0@kabinet>", "<1@kabinet>", "<2@kabinet>"]
    assert await mail.messages(kind="sms") == []
    first = (await mail.client.get("/messages", params={"limit": 3})).json()
    second = (
        await mail.client.get("/messages", params={"limit": 3, "after": first["next"]})
    ).json()
    assert len(first["items"]) == 3
    assert [one["message_id"] for one in second["items"]] == ["<other@kabinet>"]
    assert second["next"] is None


async def test_a_letter_is_found_by_its_message_id(mail: Mail) -> None:
    for number in range(2):
        await send(mail, letter(message_id=f"<{number}@kabinet>"))
    [found] = await mail.messages(message_id="<1@kabinet>")
    assert found["message_id"] == "<1@kabinet>"
    assert await mail.messages(message_id="<9@kabinet>") == []


async def test_messages_can_be_forgotten(mail: Mail) -> None:
    for to in ("anna@example.org", "boris@example.org", "vera@example.org"):
        await send(mail, letter(to, f"<{to}>"))
    answer = await mail.client.request("DELETE", "/messages", params={"to": "anna@example.org"})
    assert answer.json() == {"deleted": 1}
    [boris, vera] = await mail.messages()
    assert (await mail.client.delete(f"/messages/{boris['id']}")).status_code == 204
    assert (await mail.client.delete(f"/messages/{boris['id']}")).status_code == 404
    assert await mail.messages() == [vera]


async def test_the_same_message_id_twice_is_a_duplicate(mail: Mail) -> None:
    for message_id in ("<1@kabinet>", "<1@kabinet>", "<2@kabinet>"):
        await send(mail, letter(message_id=message_id))
    assert [one["duplicates"] for one in await mail.messages()] == [1, 1, 0]


@pytest.mark.parametrize("code", [421, 451, 550])
async def test_the_next_letters_are_refused_with_the_code(mail: Mail, code: int) -> None:
    await mail.behave(refuse_next=2, refuse_code=code)
    for _ in range(2):
        with pytest.raises(aiosmtplib.SMTPDataError) as refused:
            await send(mail, letter())
        assert refused.value.code == code
    assert await mail.messages() == []
    await send(mail, letter())
    assert len(await mail.messages()) == 1


async def test_a_letter_may_be_kept_while_its_sender_is_cut_off(mail: Mail) -> None:
    await mail.behave(drop_after_accept=1)
    with pytest.raises(aiosmtplib.SMTPServerDisconnected):
        await send(mail, letter())
    await send(mail, letter())
    assert [one["duplicates"] for one in await mail.messages()] == [1, 1]


async def test_a_slow_server_is_slow(mail: Mail) -> None:
    await mail.behave(slow_seconds=0.2)
    started = time.monotonic()
    await send(mail, letter())
    assert time.monotonic() - started >= 0.2


async def test_many_letters_at_once_are_all_kept(mail: Mail) -> None:
    await asyncio.gather(
        *(send(mail, letter(message_id=f"<{number}@kabinet>")) for number in range(20))
    )
    kept = await mail.messages()
    assert {one["message_id"] for one in kept} == {f"<{number}@kabinet>" for number in range(20)}


async def test_a_wrong_order_is_refused(mail: Mail) -> None:
    for body in ({"refuse_code": 250}, {"explode": True}):
        assert (await mail.client.put("/sandbox/behaviour", json=body)).status_code == 422
    await mail.behave(refuse_next=2)
    assert (await mail.client.get("/sandbox/behaviour")).json()["refuse_next"] == 2


async def test_a_person_sees_the_newest_first_and_opens_one(mail: Mail) -> None:
    await send(mail, letter("anna@example.org", "<1@kabinet>"))
    await send(mail, letter("boris@example.org", "<2@kabinet>"))
    overview = (await mail.client.get("/")).text
    assert overview.index("boris@example.org") < overview.index("anna@example.org")
    assert "anna@example.org" not in (await mail.client.get("/?to=boris@example.org")).text
    opened = (await mail.client.get("/letters/1")).text
    assert "Вы записаны" in opened
    assert "приём.ics" in opened
    assert 'src="/messages/1/html"' in opened
    assert (await mail.client.get("/letters/9")).status_code == 404


async def test_the_html_of_a_stranger_is_caged(mail: Mail) -> None:
    await send(mail, letter())
    for path in ("/messages/1/html", "/messages/1/raw", "/messages/1/attachments/0"):
        answer = await mail.client.get(path)
        assert answer.status_code == 200
        assert answer.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
