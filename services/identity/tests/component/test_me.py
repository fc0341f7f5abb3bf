"""Who is signed in, and what they settle for themselves."""

from typing import Any

import pytest

from contracts.identity import PatientContactsChanged

pytestmark = pytest.mark.integration


async def signed_in(world: Any, *credentials: str, tenant: str = "north") -> str:
    answer = await world.sign_in(*credentials, tenant=tenant)
    await world.settle()
    return str(answer.json()["access_token"])


async def test_a_patient_sees_the_own_card_opened(world: Any) -> None:
    shown = await world.register()
    me = (await world.send("GET", "/api/v1/me", token=await signed_in(world))).json()
    assert me["login"] == "anna@example.com"
    assert me["name"]["full"] == "Иванова Анна Сергеевна"
    assert (me["roles"], me["status"], me["language"]) == (["patient"], "UNCONFIRMED", "ru")
    assert me["patient"] == {
        "patient_id": shown["patient_id"],
        "birth_date": "1990-05-17",
        "sex": "FEMALE",
        "email": "anna@example.com",
        "phone": "+79161234567",
        "letters_allowed": True,
    }
    assert me["clinician"] is None


async def test_staff_see_themselves(world: Any) -> None:
    branch_id = await world.open_clinic()
    doctor = (
        await world.add_staff(
            role="clinician",
            email="doc@north.example",
            last_name="Петрова",
            first_name="Анна",
            specialty="Терапевт",
            branch_id=branch_id,
        )
    ).json()
    admin = (await world.add_staff()).json()
    token = await signed_in(world, "doc@north.example", doctor["password"])
    me = (await world.send("GET", "/api/v1/me", token=token)).json()
    assert me["clinician"] == {
        "clinician_id": doctor["clinician_id"],
        "branch_id": branch_id,
        "specialty": "Терапевт",
        "category": None,
    }
    assert (me["name"]["full"], me["patient"]) == ("Петрова Анна", None)
    token = await signed_in(world, "admin@north.example", admin["password"])
    me = (await world.send("GET", "/api/v1/me", token=token)).json()
    assert (me["name"]["full"], me["roles"]) == ("Орлов Пётр", ["administrator"])


async def test_a_profile_that_is_not_there_yet_is_asked_for_again(world: Any) -> None:
    await world.register()
    token = (await world.sign_in()).json()["access_token"]
    await world.pool.execute("TRUNCATE views.profiles_v1")
    answer = await world.send("GET", "/api/v1/me", token=token)
    assert (answer.status_code, answer.json()["code"]) == (409, "VIEW_BEHIND")
    assert answer.headers["retry-after"] == "1"


async def test_the_account_answers_before_the_card_does(world: Any) -> None:
    await world.register()
    token = await signed_in(world)
    await world.pool.execute("UPDATE views.profiles_v1 SET patient = NULL")
    me = (await world.send("GET", "/api/v1/me", token=token)).json()
    assert (me["login"], me["name"], me["patient"]) == ("anna@example.com", None, None)


async def test_the_language_of_the_account_is_that_of_tokens_and_letters(world: Any) -> None:
    await world.register(email="anna@example.com", patronymic=None)
    session = (await world.sign_in()).json()
    for _ in range(2):
        answer = await world.send(
            "PUT", "/api/v1/me/language", {"language": "en"}, token=session["access_token"]
        )
        assert answer.status_code == 204
    [changed] = await world.heard(PatientContactsChanged)
    assert (changed.language, changed.letters_allowed) == ("en", True)
    answer = await world.refresh(session["refresh_token"])
    token = answer.json()["access_token"]
    assert answer.json()["account"]["language"] == "en"
    me = (await world.send("GET", "/api/v1/me", token=token)).json()
    assert me["language"] == "en"
    answer = await world.send("PUT", "/api/v1/me/language", {"language": "de"}, token=token)
    assert answer.json()["title"] == "The request is not filled in correctly"


async def test_consent_to_letters_can_be_taken_back_and_given_again(world: Any) -> None:
    await world.register()
    token = await signed_in(world)
    for given in (False, True):
        body = {"given": given, "document": "2026-02"}
        answer = await world.send("PUT", "/api/v1/me/consents/letters", body, token=token)
        assert answer.status_code == 204
    changes = await world.heard(PatientContactsChanged)
    assert [change.letters_allowed for change in changes] == [False, True]
