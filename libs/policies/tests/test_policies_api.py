"""The administrator's routes."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI

from event_store.memory import MemoryEventStore
from policies import PolicyBook
from policies.api import POLICY_ACCESS, POLICY_PROBLEMS, policies_router
from service_kit.access import AccessTable
from service_kit.app import create_app
from service_kit.kit import Kit
from service_kit.problems import ProblemTable
from service_kit.testing import Example, FixedClock, Tokens, access_walk, api_client, make_kit
from service_kit.texts import Texts


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    hold_minutes: int = 15
    colour: str = "blue"


@pytest.fixture
def kit() -> Kit:
    return make_kit("surgery", texts=Texts.load("service_kit"))


@pytest.fixture
def app(kit: Kit) -> FastAPI:
    book = PolicyBook(MemoryEventStore(), Rules, service="surgery")
    return create_app(
        kit,
        routers=[policies_router("surgery")],
        access=AccessTable(*POLICY_ACCESS),
        problems=ProblemTable(POLICY_PROBLEMS),
        state={"policies": book},
    )


async def test_only_administrators_get_in(app: FastAPI) -> None:
    findings = await access_walk(
        app,
        {
            "read_policies": Example(),
            "set_policy": Example(json={"key": "colour", "value": "red", "reason": "OTHER"}),
        },
    )
    assert findings == []


@pytest.mark.requirement("OPS-10", "OPS-15")
async def test_an_administrator_plans_a_change_and_sees_it_come_true(
    app: FastAPI, kit: Kit
) -> None:
    assert isinstance(kit.clock, FixedClock)
    tokens = Tokens(kit.clock)
    path = "/api/v1/policies/surgery"

    def headers(key: str, tenant: str = "north") -> dict[str, str]:
        return tokens.headers("administrator", key=key, tenant=tenant)

    start = kit.clock.now() + timedelta(minutes=5)
    body: dict[str, Any] = {
        "key": "hold_minutes",
        "value": 20,
        "effective_from": start.isoformat(),
        "reason": "PATIENTS_ASKED",
    }
    async with api_client(app) as client:
        first = await client.put(path, json=body, headers=headers("1"))
        assert first.status_code == 200, first.text
        assert first.headers["Kabinet-Position"].startswith("surgery:")
        hold = first.json()["items"][0]
        assert (hold["key"], hold["value"], hold["default"]) == ("hold_minutes", 15, 15)
        (planned,) = hold["upcoming"]
        assert (planned["value"], planned["before"], planned["version"]) == (20, 15, 1)
        assert planned["set_by"].startswith("account:")

        repeated = await client.put(path, json=body, headers=headers("1"))
        assert repeated.json() == first.json()

        kit.clock.set(start)
        now = (await client.get(path, headers=headers("2"))).json()
        assert now["version"] == 1
        assert now["items"][0]["value"] == 20
        assert now["items"][0]["upcoming"] == []
        south = (await client.get(path, headers=headers("2", "south"))).json()
        assert (south["version"], south["items"][0]["value"]) == (0, 15)


@pytest.mark.requirement("OPS-11", "OPS-15")
async def test_a_reason_is_a_code_so_that_nobody_writes_a_person_into_it(
    app: FastAPI, kit: Kit
) -> None:
    headers = Tokens(kit.clock).headers("administrator", key="1")
    body = {"key": "hold_minutes", "value": 20, "reason": "Ivanov, +79161234567, asked"}
    async with api_client(app) as client:
        answer = await client.put("/api/v1/policies/surgery", json=body, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (422, "VALIDATION_FAILED")
        assert "Ivanov" not in answer.text


async def test_refusals_have_codes(app: FastAPI, kit: Kit) -> None:
    headers = Tokens(kit.clock).headers("administrator", key="1")
    past = (kit.clock.now() - timedelta(seconds=1)).isoformat()
    async with api_client(app) as client:
        for key, body, status, code in (
            ("nothing", {"value": 1}, 404, "UNKNOWN_POLICY"),
            ("hold_minutes", {"value": "1"}, 422, "POLICY_VALUE_INVALID"),
            ("hold_minutes", {"value": 1, "effective_from": past}, 409, "EFFECTIVE_FROM_PAST"),
            (
                "hold_minutes",
                {"value": 1, "effective_from": "2027-01-01T00:00:00"},
                422,
                "VALIDATION_FAILED",
            ),
        ):
            answer = await client.put(
                "/api/v1/policies/surgery",
                json={**body, "key": key, "reason": "OTHER"},
                headers=headers,
            )
            assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


async def test_the_history_comes_in_pages_newest_first(app: FastAPI, kit: Kit) -> None:
    tokens = Tokens(kit.clock)
    path = "/api/v1/policies/surgery"
    async with api_client(app) as client:
        for number in range(5):
            await client.put(
                path,
                json={"key": "colour", "value": f"grey {number}", "reason": "OTHER"},
                headers=tokens.headers("administrator", key=str(number)),
            )
        headers = tokens.headers("administrator")
        seen: list[int] = []
        cursor: str | None = None
        while True:
            params = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
            page = (await client.get(f"{path}/history", params=params, headers=headers)).json()
            seen += [change["version"] for change in page["items"]]
            cursor = page["next"]
            if cursor is None:
                break
        assert seen == [5, 4, 3, 2, 1]
        broken = await client.get(f"{path}/history", params={"cursor": "e30"}, headers=headers)
        assert (broken.status_code, broken.json()["code"]) == (400, "CURSOR_INVALID")
