"""A patient registers: form, code, account."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import msgspec
import pytest

from contracts.identity import ConfirmationCodeIssued, PatientRegistered

pytestmark = pytest.mark.integration


def fields(answer: httpx.Response) -> dict[str, str]:
    assert answer.status_code == 422, answer.text
    return {error["field"]: error["code"] for error in answer.json()["errors"]}


def another(code: str) -> str:
    return "000000" if code != "000000" else "111111"


@pytest.mark.requirement("IDN-06", "IDN-09", "IDN-12", "IDN-13")
async def test_a_patient_registers_with_a_code_sent_by_mail(world: Any) -> None:
    answer = await world.send("POST", "/api/v1/registrations", world.anna)
    assert answer.status_code == 201
    registration = answer.json()
    assert registration["state"] == "AWAITING_CODE"
    assert registration["code"] == {
        "sent_to": "EMAIL",
        "expires_at": "2026-11-20T09:15:00Z",
        "resend_at": "2026-11-20T09:01:00Z",
        "attempts_left": 5,
    }
    code = await world.code(registration["registration_id"])
    assert (await world.sign_in()).status_code == 401, "there is no account before the code"

    answer = await world.confirm(registration["registration_id"], code)
    assert answer.status_code == 201
    shown = answer.json()
    assert shown["login"] == "anna@example.com"
    assert shown["name"]["full"] == "Иванова Анна Сергеевна"
    assert (shown["birth_date"], shown["sex"]) == ("1990-05-17", "FEMALE")
    assert shown["status"] == "UNCONFIRMED"

    signed_in = await world.sign_in()
    assert signed_in.json()["account"]["patient_id"] == shown["patient_id"]
    [patient] = await world.heard(PatientRegistered)
    assert patient.account_status == "UNCONFIRMED"
    sealer = world.desk.sealers.of("north")
    assert await sealer.open(patient.last_name) == "Иванова"
    assert await sealer.open(patient.phone) == "+79161234567"
    assert patient.letters_allowed


@pytest.mark.requirement("NTF-06", "IDN-09")
async def test_the_code_is_told_sealed_to_who_sends_it(world: Any) -> None:
    registration_id = await world.start(send_code_to="phone", language="en")
    [fact] = await world.heard(ConfirmationCodeIssued)
    sealer = world.desk.sealers.of("north")
    assert await sealer.open(fact.code) == await world.code(registration_id)
    assert (await sealer.open(fact.phone), fact.email) == ("+79161234567", None)
    assert fact.language == "en"


@pytest.mark.requirement("IDN-03")
async def test_nobody_registers_in_a_clinic_that_does_not_exist(world: Any) -> None:
    answer = await world.send("POST", "/api/v1/registrations", world.anna, tenant="west")
    assert (answer.status_code, answer.json()["code"]) == (404, "TENANT_UNKNOWN")
    assert answer.json()["title"] == "Такой клиники нет"
    assert stored(world) == []
    await world.open_organisation("west")
    await world.register("west")


@pytest.mark.requirement("GW-25")
async def test_nobody_is_flooded_with_codes_by_registrations_of_others(world: Any) -> None:
    for _ in range(5):
        await world.start()
    stored_before = stored(world)
    answer = await world.send("POST", "/api/v1/registrations", world.anna)
    assert (answer.status_code, answer.json()["code"]) == (429, "TOO_MANY_ATTEMPTS")
    assert answer.headers["retry-after"] == "3600"
    assert stored(world) == stored_before
    await world.start(email="boris@example.com")
    world.clock.advance(timedelta(minutes=60) - world.moment)
    refused = await world.send("POST", "/api/v1/registrations", world.anna)
    assert refused.status_code == 429
    world.clock.advance(world.moment)
    await world.start()


@pytest.mark.requirement("IDN-06")
@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        (
            {"consents": {"personal_data": False, "document": "1"}},
            {"consents/personal_data": "CONSENT_REQUIRED"},
        ),
        ({"consents": {"document": "1"}}, {"consents/personal_data": "MISSING"}),
        ({"email": None, "phone": None}, {"send_code_to": "CONTACT_REQUIRED"}),
        ({"email": None, "send_code_to": "email"}, {"send_code_to": "CONTACT_REQUIRED"}),
        ({"phone": None, "send_code_to": "phone"}, {"send_code_to": "CONTACT_REQUIRED"}),
        ({"email": "nobody"}, {"email": "EMAIL_INVALID"}),
        ({"phone": "12"}, {"phone": "PHONE_INVALID"}),
        ({"last_name": " "}, {"last_name": "NAME_INVALID"}),
        ({"birth_date": "2026-11-21"}, {"birth_date": "BIRTH_DATE_INVALID"}),
        ({"birth_date": "1899-12-31"}, {"birth_date": "BIRTH_DATE_INVALID"}),
    ],
)
async def test_an_incomplete_form_is_refused_and_nothing_is_kept(
    world: Any, changes: dict[str, Any], wrong: dict[str, str]
) -> None:
    answer = await world.send("POST", "/api/v1/registrations", {**world.anna, **changes})
    assert fields(answer) == wrong
    assert stored(world) == []


@pytest.mark.requirement("IDN-11")
async def test_errors_of_the_confirmation_step_keep_the_attempt_there(world: Any) -> None:
    registration_id = await world.start()
    code = await world.code(registration_id)
    cases: list[tuple[dict[str, str], dict[str, str]]] = [
        ({"repeat": "something else"}, {"password_repeat": "PASSWORDS_DIFFER"}),
        ({"password": "short"}, {"password": "PASSWORD_TOO_SHORT"}),
        ({"password": "anna anna anna"}, {"password": "PASSWORD_TOO_SIMPLE"}),
        ({"password": "I am anna, hello"}, {"password": "PASSWORD_LIKE_LOGIN"}),
    ]
    for entered, wrong in cases:
        assert fields(await world.confirm(registration_id, code, **entered)) == wrong
    answer = await world.confirm(registration_id, another(code))
    assert fields(answer) == {"code": "CODE_WRONG"}
    assert answer.json()["facts"] == {"attempts_left": 4}
    assert (await world.confirm(registration_id, code)).status_code == 201


@pytest.mark.requirement("IDN-11", "IDN-12")
async def test_one_can_go_back_to_the_first_step(world: Any) -> None:
    registration_id = await world.start(email="ana@example.com")
    code = await world.code(registration_id)
    path = f"/api/v1/registrations/{registration_id}"
    for _ in range(2):
        assert (await world.send("DELETE", path)).status_code == 204
    answer = await world.confirm(registration_id, code)
    assert (answer.status_code, answer.json()["code"]) == (409, "REGISTRATION_OVER")
    assert answer.json()["facts"] == {"closure": "ABANDONED"}
    assert (await world.register())["login"] == "anna@example.com"


@pytest.mark.requirement("IDN-10")
async def test_the_fifth_wrong_code_ends_the_registration(world: Any) -> None:
    registration_id = await world.start()
    code = await world.code(registration_id)
    for left in (4, 3, 2, 1):
        answer = await world.confirm(registration_id, another(code))
        assert answer.json()["facts"] == {"attempts_left": left}
    for tried in (another(code), code):
        answer = await world.confirm(registration_id, tried)
        assert (answer.status_code, answer.json()["code"]) == (409, "REGISTRATION_OVER")
    assert (await world.register())["status"] == "UNCONFIRMED"


@pytest.mark.requirement("IDN-10", "OPS-14")
async def test_a_code_expires_and_can_be_sent_again(world: Any) -> None:
    registration_id = await world.start()
    path = f"/api/v1/registrations/{registration_id}/code"
    first = await world.code(registration_id)
    world.clock.advance(timedelta(seconds=60) - world.moment)
    answer = await world.send("POST", path)
    assert (answer.status_code, answer.json()["code"]) == (429, "RESEND_TOO_EARLY")
    assert answer.headers["retry-after"] == "1"
    world.clock.advance(timedelta(minutes=14) + world.moment)
    assert fields(await world.confirm(registration_id, first)) == {"code": "CODE_EXPIRED"}
    answer = await world.send("POST", path)
    assert answer.status_code == 201
    assert answer.json()["code"]["expires_at"] == "2026-11-20T09:30:00Z"
    world.clock.advance(timedelta(minutes=15) - world.moment)
    answer = await world.confirm(registration_id, await world.code(registration_id))
    assert answer.status_code == 201


@pytest.mark.requirement("IDN-10")
async def test_a_clinic_settles_the_rules_of_its_codes(world: Any) -> None:
    await world.open_clinic()
    await world.set_policy("code_ttl_minutes", 5)
    await world.set_policy("code_attempts", 2)
    await world.set_policy("code_resend_seconds", 10)
    registration_id = await world.start()
    answer = await world.confirm(registration_id, another(await world.code(registration_id)))
    assert answer.json()["facts"] == {"attempts_left": 1}
    world.clock.advance(timedelta(seconds=10))
    answer = await world.send("POST", f"/api/v1/registrations/{registration_id}/code")
    assert answer.json()["code"]["expires_at"] == "2026-11-20T09:05:10Z"


@pytest.mark.requirement("OPS-14")
async def test_a_registration_that_nobody_finishes_is_closed_by_the_timer(world: Any) -> None:
    registration_id = await world.start()
    await world.settle()
    world.clock.advance(timedelta(hours=1) - world.moment)
    await world.settle()
    assert "RegistrationClosed.v1" not in stored(world)
    world.clock.advance(world.moment)
    await world.settle()
    assert stored(world)[-1] == "RegistrationClosed.v1"
    answer = await world.send("POST", f"/api/v1/registrations/{registration_id}/code")
    assert answer.json()["facts"] == {"closure": "EXPIRED"}


async def test_so_many_codes_are_sent_and_no_more(world: Any) -> None:
    registration_id = await world.start()
    path = f"/api/v1/registrations/{registration_id}/code"
    for _ in range(4):
        world.clock.advance(timedelta(seconds=60))
        assert (await world.send("POST", path)).status_code == 201
    world.clock.advance(timedelta(seconds=60))
    answer = await world.send("POST", path)
    assert (answer.status_code, answer.json()["code"]) == (409, "CODES_USED_UP")


async def test_a_known_address_is_told_only_to_who_has_its_code(world: Any) -> None:
    await world.register()
    fresh = await world.send(
        "POST", "/api/v1/registrations", {**world.anna, "email": "b@example.com"}
    )
    known = await world.send("POST", "/api/v1/registrations", world.anna)
    assert known.status_code == fresh.status_code == 201
    assert known.json().keys() == fresh.json().keys()
    assert known.json()["code"] == fresh.json()["code"]
    registration_id = known.json()["registration_id"]
    code = await world.code(registration_id)
    assert fields(await world.confirm(registration_id, another(code))) == {"code": "CODE_WRONG"}
    answer = await world.confirm(registration_id, code)
    assert (answer.status_code, answer.json()["code"]) == (409, "LOGIN_TAKEN")
    assert len(await world.heard(PatientRegistered)) == 1
    assert (await world.sign_in()).status_code == 201


async def test_a_repeated_request_changes_nothing(world: Any) -> None:
    answers = [
        await world.send("POST", "/api/v1/registrations", world.anna, key="form") for _ in range(2)
    ]
    assert answers[0].json() == answers[1].json()
    registration_id = answers[0].json()["registration_id"]
    code = await world.code(registration_id)
    for _ in range(2):
        answer = await world.confirm(registration_id, another(code), key="typo")
        assert answer.json()["facts"] == {"attempts_left": 4}
    shown = [await world.confirm(registration_id, code, key="code") for _ in range(2)]
    assert shown[0].status_code == shown[1].status_code == 201
    assert shown[0].json() == shown[1].json()
    again = await world.send("POST", "/api/v1/registrations", world.anna, key="form")
    assert again.json()["state"] == "REGISTERED"
    assert len(await world.heard(PatientRegistered)) == 1


async def test_a_repeated_form_tells_where_its_registration_stands(world: Any) -> None:
    answer = await world.send("POST", "/api/v1/registrations", world.anna, key="form")
    path = f"/api/v1/registrations/{answer.json()['registration_id']}"
    await world.send("DELETE", path)
    again = await world.send("POST", "/api/v1/registrations", world.anna, key="form")
    assert again.json() == {
        "registration_id": answer.json()["registration_id"],
        "state": "CLOSED",
        "closes_at": None,
        "code": None,
    }


async def test_an_account_that_takes_long_can_be_asked_for_again(world: Any) -> None:
    """The right code was entered, but the worker is down."""
    registration_id = await world.start()
    code = await world.code(registration_id)
    usual = world.desk
    world.app.state.desk = replace(usual, account_wait_seconds=0.05)
    body = {"code": code, "password": world.password, "password_repeat": world.password}
    path = f"/api/v1/registrations/{registration_id}/confirmation"
    headers = {"X-Kabinet-Tenant": "north", "Idempotency-Key": "once"}
    answer = await world.client.post(path, json=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (503, "UNAVAILABLE")
    assert answer.headers["retry-after"] == "1"
    form = await world.send("POST", "/api/v1/registrations", world.anna, key="other")
    assert form.json()["state"] == "AWAITING_CODE", "another form is another registration"
    world.app.state.desk = usual
    answer = await world.send("POST", path, body, key="once")
    assert answer.status_code == 201


async def test_equal_keys_of_two_people_are_two_keys(world: Any) -> None:
    """Callers without an account share one name, so a key alone says nothing."""
    boris = {**world.anna, "email": "boris@example.com", "phone": "+79161234568"}
    ids = [
        (await world.send("POST", "/api/v1/registrations", body, key="1")).json()["registration_id"]
        for body in (world.anna, boris)
    ]
    assert len(set(ids)) == 2
    for registration_id in ids:
        code = await world.code(registration_id)
        assert (await world.confirm(registration_id, code, key="2")).status_code == 201


async def test_what_was_never_started_is_unknown(world: Any) -> None:
    nobody = "0190a000-0000-7000-8000-00000000dead"
    for answer in (
        await world.confirm(nobody, "123456"),
        await world.send("POST", f"/api/v1/registrations/{nobody}/code"),
        await world.send("DELETE", f"/api/v1/registrations/{nobody}"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "REGISTRATION_UNKNOWN")


async def test_nothing_personal_is_stored_in_the_clear(world: Any) -> None:
    await world.register()
    await world.sign_in(password="secret guess 12")
    await world.settle()
    kept = b"".join(event.data + event.metadata for event in world.store._events)
    told = msgspec.json.encode([fact.model_dump(mode="json") for _, fact in world.told])
    for text in ("Иванова", "Анна", "Сергеевна", "1990-05-17", "anna@", "9161234567", "horse"):
        for form in (text.encode(), msgspec.json.encode(text).strip(b'"')):
            assert form.lower() not in kept.lower()
            assert form.lower() not in told.lower()
    assert b"198.51.100" not in kept
    assert b"$argon2" not in kept


async def test_a_name_without_its_optional_parts_is_enough(world: Any) -> None:
    shown = await world.register(patronymic=None, phone=None)
    assert shown["name"]["full"] == "Иванова Анна"


async def test_a_telephone_can_be_the_login(world: Any) -> None:
    shown = await world.register(email=None)
    assert shown["login"] == "+79161234567"
    assert (await world.sign_in("8 (916) 123-45-67")).status_code == 201


def stored(world: Any) -> list[str]:
    """What happened since the clinics opened."""
    return [
        event.type for event in world.store._events if not event.stream.startswith("organisation-")
    ]


async def test_a_code_typed_with_spaces_is_a_code(world: Any) -> None:
    registration_id = await world.start()
    code = await world.code(registration_id)
    assert (await world.confirm(registration_id, f" {code} ")).status_code == 201
