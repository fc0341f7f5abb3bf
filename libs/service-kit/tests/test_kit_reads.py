"""Reads that wait for the caller's own writes, and lists in pages."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
import pytest

from service_kit.problems import Problem
from service_kit.reads import PageQuery, instant, number, text

CURSOR = "00000000000000010000000000000002"


@pytest.mark.requirement("GW-19")
async def test_an_answer_to_a_command_names_its_position(
    client: httpx.AsyncClient, patient: dict[str, str]
) -> None:
    answer = await client.post("/api/v1/notes", json={"text": "x"}, headers=patient)
    assert answer.headers["kabinet-position"] == f"notes:{CURSOR}"


@pytest.mark.requirement("GW-19")
@pytest.mark.parametrize(
    ("header", "at", "status"),
    [
        (f"notes:{CURSOR}", CURSOR, 200),
        (f"notes:{CURSOR}", "", 409),
        (f"booking:ff, notes:{CURSOR}", CURSOR, 200),
        (f"notes:{'0' * 32}, notes:{CURSOR}", "0" * 32, 409),
        ("booking:ff", "", 200),
        ("notes", CURSOR, 400),
        ("notes:x", CURSOR, 400),
        ("", CURSOR, 400),
    ],
)
async def test_a_read_waits_for_the_position_it_names(
    client: httpx.AsyncClient,
    views: Any,
    patient: dict[str, str],
    header: str,
    at: str,
    status: int,
) -> None:
    views.at = at
    answer = await client.get("/api/v1/notes", headers=patient | {"Kabinet-Position": header})
    assert answer.status_code == status
    if status == 409:
        assert answer.json()["code"] == "VIEW_BEHIND"
        assert answer.headers["retry-after"] == "1"
    if status == 400:
        assert answer.json()["code"] == "POSITION_INVALID"


async def test_nobody_without_the_right_makes_a_read_wait(
    client: httpx.AsyncClient, views: Any
) -> None:
    answer = await client.get("/api/v1/notes", headers={"Kabinet-Position": f"notes:{CURSOR}"})
    assert answer.status_code == 401
    assert views.asked == []


async def test_a_list_comes_in_pages(client: httpx.AsyncClient, patient: dict[str, str]) -> None:
    seen, cursor, pages = [], None, 0
    while True:
        params = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = (await client.get("/api/v1/notes", params=params, headers=patient)).json()
        seen += [item["text"] for item in page["items"]]
        pages, cursor = pages + 1, page["next"]
        if cursor is None:
            break
    assert (seen, pages) == (["0", "1", "2", "3", "4"], 3)


@pytest.mark.parametrize(("limit", "status"), [("0", 422), ("1", 200), ("200", 200), ("201", 422)])
async def test_a_page_has_a_bound(
    client: httpx.AsyncClient, patient: dict[str, str], limit: str, status: int
) -> None:
    answer = await client.get("/api/v1/notes", params={"limit": limit}, headers=patient)
    assert answer.status_code == status


@pytest.mark.parametrize("cursor", ["!", "bm90IGpzb24", "W10", "é"])
async def test_a_cursor_that_is_none_is_refused(
    client: httpx.AsyncClient, patient: dict[str, str], cursor: str
) -> None:
    answer = await client.get("/api/v1/notes", params={"cursor": cursor}, headers=patient)
    assert (answer.status_code, answer.json()["code"]) == (400, "CURSOR_INVALID")


@pytest.mark.parametrize(
    ("reader", "right", "read"),
    [
        (instant, "2026-12-01T10:00:00+03:00", datetime(2026, 12, 1, 7, tzinfo=UTC)),
        (text, "Иванов", "Иванов"),
        (text, "", ""),
        (number, 0, 0),
        (number, (1 << 63) - 1, (1 << 63) - 1),
        (UUID, str(UUID(int=1)), UUID(int=1)),
    ],
)
def test_a_place_is_read(reader: Any, right: object, read: object) -> None:
    assert PageQuery(50, {"at": right}).place(at=reader) == (read,)


WRONG: list[tuple[object, list[object]]] = [
    (instant, [None, 5, [], "", "today", "2026-12-01T10:00:00"]),
    (instant, ["9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59"]),
    (text, [None, 5, [], {}, "a\0b"]),
    (number, [None, True, -1, 1 << 63, 1.5, "1", []]),
    (UUID, [None, True, 5, [], {}, "", "no id"]),
]


@pytest.mark.parametrize(
    ("reader", "wrong"), [(reader, each) for reader, wrong in WRONG for each in wrong]
)
def test_a_place_that_nobody_gave_out_is_refused(reader: Any, wrong: object) -> None:
    for after in ({"at": wrong}, {"elsewhere": wrong}, {}):
        with pytest.raises(Problem) as refused:
            PageQuery(50, after).place(at=reader)
        assert (refused.value.status, refused.value.code) == (400, "CURSOR_INVALID")


def test_the_first_page_has_no_place() -> None:
    assert PageQuery(50, None).place(at=instant) is None
