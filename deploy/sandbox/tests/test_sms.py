"""The SMS.RU-like side of the sink."""

from typing import cast

import httpx
import pytest

from sandbox.testing import Json, Mail


async def send(mail: Mail, to: str = "79255070602", **fields: str) -> httpx.Response:
    form = {"api_id": "sms-key", "to": to, "msg": "Код 123456", "json": "1"}
    return await mail.client.post("/sms/send", data=form | fields)


async def test_an_sms_is_kept_and_counts_as_delivered(mail: Mail) -> None:
    answer = (await send(mail, "+7 925 507-06-02")).json()
    assert (answer["status"], answer["status_code"]) == ("OK", 100)
    [outcome] = answer["sms"].values()
    assert (outcome["status"], outcome["status_code"]) == ("OK", 100)
    [kept] = await mail.messages(kind="sms", to="+79255070602")
    assert (kept["to"], kept["text"]) == (["79255070602"], "Код 123456")
    query = {"api_id": "sms-key", "sms_id": outcome["sms_id"], "json": "1"}
    status = (await mail.client.get("/sms/status", params=query)).json()
    assert status["sms"][outcome["sms_id"]]["status_code"] == 103


async def test_each_number_has_its_own_outcome(mail: Mail) -> None:
    outcomes = (await send(mail, "79255070602,12")).json()["sms"]
    assert outcomes["79255070602"]["status_code"] == 100
    assert outcomes["12"]["status_code"] == 207
    assert len(await mail.messages()) == 1


@pytest.mark.parametrize(
    ("fields", "code"),
    [({"api_id": "wrong"}, 200), ({"to": ""}, 202), ({"msg": ""}, 203)],
)
async def test_a_wrong_call_is_told_in_the_body(
    mail: Mail, fields: dict[str, str], code: int
) -> None:
    form = {"api_id": "sms-key", "to": "79255070602", "msg": "Код"} | fields
    answer = await mail.client.post("/sms/send", data=form)
    assert answer.status_code == 200
    assert (answer.json()["status"], answer.json()["status_code"]) == ("ERROR", code)
    assert await mail.messages() == []


async def test_the_status_of_an_unknown_sms_is_unknown(mail: Mail) -> None:
    for sms_id in ("000000-00000077", "nonsense", ""):
        query = {"api_id": "sms-key", "sms_id": sms_id}
        answer = (await mail.client.get("/sms/status", params=query)).json()
        outcome = cast("Json", answer["sms"][sms_id])
        assert outcome["status_code"] == -1
    wrong = await mail.client.get("/sms/status", params={"api_id": "x", "sms_id": "y"})
    assert wrong.json()["status_code"] == 200


async def test_the_next_sms_are_refused_with_the_code(mail: Mail) -> None:
    await mail.behave(sms_refuse_next=1, sms_refuse_code=201)
    assert (await send(mail)).json()["status_code"] == 201
    assert (await send(mail)).json()["status_code"] == 100
    assert len(await mail.messages()) == 1


async def test_an_sms_may_be_kept_while_its_sender_is_told_500(mail: Mail) -> None:
    await mail.behave(sms_fail_after_accept=1)
    assert (await send(mail)).status_code == 500
    assert (await send(mail)).status_code == 200
    assert [one["duplicates"] for one in await mail.messages()] == [1, 1]


async def test_another_text_to_the_same_number_is_no_duplicate(mail: Mail) -> None:
    await send(mail)
    await send(mail, msg="Код 654321")
    assert [one["duplicates"] for one in await mail.messages()] == [0, 0]


async def test_a_person_sees_the_text_in_the_overview_and_opened(mail: Mail) -> None:
    await send(mail)
    assert "Код 123456" in (await mail.client.get("/?kind=sms")).text
    assert "Код 123456" in (await mail.client.get("/letters/1")).text
