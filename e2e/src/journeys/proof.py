"""What must hold when the suite has come to rest, whatever was killed before."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from embedded.runtime import Runtime
from journeys.outside import reached
from journeys.person import Person
from journeys.stories import STORIES, Telling, Told
from journeys.suite import Suite

__all__ = ["Check", "at_rest", "prove", "up_now"]

_QUIET_SECONDS = 5.0
_PATIENCE_SECONDS = 30.0

_POSITIONS = """
SELECT (SELECT format('%s/%s', count(*), max(position)) FROM event_store.events),
    (SELECT string_agg(format('%s/%s/%s %s %s', consumer, source, partition, mark, "offset"), ','
        ORDER BY consumer, source, partition) FROM messaging.flow),
    (SELECT string_agg(format('%s %s', name, position), ',' ORDER BY name) FROM views.checkpoint)
"""
_DUE = "SELECT name, key FROM views.timers_v1 WHERE due_at <= $1"
_POSTPONED = "SELECT consumer, key FROM messaging.aside WHERE retry_at IS NOT NULL"


@dataclass(frozen=True, slots=True)
class Check:
    """`wrong` is empty when it holds; `found` says what was looked at."""

    name: str
    found: str
    wrong: Sequence[str] = ()


async def at_rest(suite: Suite, http: httpx.AsyncClient, within_seconds: float) -> Check:
    """Wait until all processes are up, nothing is to be tried again and no position has moved for some seconds."""
    began = time.monotonic()
    seen: object = None
    since = began
    moving: list[str] = []
    while time.monotonic() < began + within_seconds:
        now = await _positions(suite, http)
        moving = [f"{name}: {what}" for name, (_, waits) in now.items() for what in waits]
        if moving or now != seen:
            seen, since = now, time.monotonic()
        elif time.monotonic() - since > _QUIET_SECONDS:
            return Check("came to rest", f"after {since - began:.0f} s")
        await asyncio.sleep(0.5)
    return Check("came to rest", f"not in {within_seconds:.0f} s", moving or ["positions move"])


async def _positions(suite: Suite, http: httpx.AsyncClient) -> Mapping[str, tuple[Any, list[str]]]:
    runtime = suite.running()
    up = await up_now(http, runtime)
    found: dict[str, tuple[Any, list[str]]] = {
        name: (None, ["is not up"]) for name in runtime.processes if name not in up
    }
    for name in runtime.databases.keys() & up:
        found[name] = await _position(name, runtime.databases[name], suite.now())
    return found


async def up_now(http: httpx.AsyncClient, runtime: Runtime) -> set[str]:
    """The processes that say that they can work."""
    names = [name for name, process in runtime.processes.items() if process.pid is not None]
    ready = await asyncio.gather(*(_is_ready(http, runtime.processes[name].url) for name in names))
    return {name for name, is_ready in zip(names, ready, strict=True) if is_ready}


async def _is_ready(http: httpx.AsyncClient, url: str) -> bool:
    """Services answer under /readyz, twins under /livez; the database is up while its process is."""
    if not url.startswith("http"):
        return True
    for path in ("/readyz", "/livez"):
        try:
            answer = await http.get(f"{url}{path}", timeout=2)
        except httpx.TransportError:
            return False
        if answer.status_code != 404:
            return answer.is_success
    return False


async def _position(name: str, database: str, now: datetime) -> tuple[Any, list[str]]:
    if name in {"gateway", "ops"}:
        return None, []
    try:
        connection = await asyncpg.connect(database, timeout=5)
        try:
            position = await connection.fetchrow(_POSITIONS)
            postponed = await connection.fetch(_POSTPONED)
            due = await connection.fetch(_DUE, now)
        finally:
            await connection.close(timeout=5)
    except (OSError, asyncpg.PostgresError) as failure:
        return None, [f"no position ({type(failure).__name__})"]
    waits = [f"{row['consumer']} tries {row['key']} again" for row in postponed]
    waits += [f"timer {row['name']} of {row['key']} is due" for row in due]
    return tuple(position or ()), waits


async def prove(
    suite: Suite, http: httpx.AsyncClient, administrator: Person, tales: Sequence[Telling]
) -> list[Check]:
    """Every check, each said even when an earlier one fails."""
    messages = await _all(administrator, "/api/v1/messages")
    letters = await _letters(suite, http)
    return [
        _every_journey_ended(tales),
        _one_winner_each(tales),
        await _told(suite, "no double booking", "verify", "bookings"),
        await _told(suite, "money adds up", "verify", "money"),
        await _acquirer_agrees(suite, http, administrator, tales),
        _right_messages(tales, messages),
        _sent_once(messages, letters),
        await _told(suite, "views equal a rebuild", "verify", "views"),
        await _told(suite, "nothing is parked", "parked", "list", expected="nothing is parked"),
        await _told(
            suite, "no story is stuck", "stuck", "--minutes=0", expected="no story is stuck"
        ),
    ]


def _every_journey_ended(tales: Sequence[Telling]) -> Check:
    wrong = [
        f"{tale.number} {tale.kind}: {tale.trouble or f'ended as {tale.outcome!r}'}"
        for tale in tales
        if tale.trouble or tale.outcome not in STORIES[tale.kind].ends
    ]
    return Check("every journey ended", f"{len(tales) - len(wrong)} of {len(tales)}", wrong)


def _one_winner_each(tales: Sequence[Telling]) -> Check:
    winners = Counter[tuple[Any, str]]()
    for tale in tales:
        if tale.kind == "competes":
            winners[tale.clinic.clinician_id, tale.starts_at] += tale.outcome == "reserved"
    wrong = [f"{at}: {count} winners" for (_, at), count in winners.items() if count != 1]
    return Check("one winner of each contested slot", f"{len(winners)} slots", wrong)


def _right_messages(tales: Sequence[Telling], messages: Sequence[Mapping[str, Any]]) -> Check:
    """Each journey's people were told exactly what belongs to its end."""
    told: dict[str | None, Counter[Told]] = {}
    doctors = {str(tale.clinic.clinician_id) for tale in tales}
    for message in messages:
        whom = "doctor" if message["recipient_id"] in doctors else "patient"
        told.setdefault(message["appointment_id"], Counter())[message["type"], whom] += 1
    codes = told.pop(None, Counter())
    wrong = [f"without an appointment: {kind}" for kind, _ in codes if kind != "CONFIRMATION_CODE"]
    for tale in tales:
        heard = told.pop(tale.appointment_id, Counter())
        expected = Counter(STORIES[tale.kind].ends.get(tale.outcome, ()))
        wrong += [f"{tale.number} {tale.kind}: {what}" for what in _difference(heard, expected)]
    wrong += [f"of an unknown appointment {key}: {dict(heard)}" for key, heard in told.items()]
    return Check("every journey's messages", f"{len(messages)} messages", wrong)


def _difference(heard: Counter[Told], expected: Counter[Told]) -> Iterator[str]:
    for (kind, whom), count in (expected - heard).items():
        yield f"{count} {kind} to the {whom} too few"
    for (kind, whom), count in (heard - expected).items():
        yield f"{count} {kind} to the {whom} too many"


def _sent_once(
    messages: Sequence[Mapping[str, Any]], letters: Sequence[Mapping[str, Any]]
) -> Check:
    """Letter for letter, by Message-ID, what the clinic says it sent and what has arrived."""
    arrived = Counter(str(letter.get("message_id")).strip("<>").split("@")[0] for letter in letters)
    sent = {message["message_id"] for message in messages if message["status"] == "SENT"}
    wrong = [
        *(f"{key} arrived {count} times" for key, count in arrived.items() if count > 1),
        *(f"{key} was sent and never arrived" for key in sent - arrived.keys()),
        *(f"{key} arrived and was never sent" for key in arrived.keys() - sent),
        *(
            f"{message['message_id']} {message['type']} is {message['status']}"
            for message in messages
            if message["status"] != "SENT"
        ),
    ]
    return Check("every notification exactly once", f"{len(letters)} letters", wrong)


async def _acquirer_agrees(
    suite: Suite, http: httpx.AsyncClient, administrator: Person, tales: Sequence[Telling]
) -> Check:
    """The bank's own books have the same money as billing's, payment for payment."""
    ours = {row["payment_id"]: row for row in await _all(administrator, "/api/v1/payments")}
    payments = await _bank(suite, http, administrator.tenant, "payments")
    refunds = await _bank(suite, http, administrator.tenant, "refunds")
    paid = {row["metadata"]["payment_id"]: row for row in payments if row["status"] == "succeeded"}
    of_bank = {row["id"]: row["metadata"]["payment_id"] for row in payments}
    returned = Counter(
        of_bank[row["payment_id"]] for row in refunds if row["status"] == "succeeded"
    )
    known = {"SUCCEEDED", "REFUNDED"}
    wrong = [
        *(
            f"payment {key} succeeded at the bank, here {ours.get(key, {}).get('status')}"
            for key in paid
            if ours.get(key, {}).get("status") not in known
        ),
        *(
            f"payment {key} is {row['status']}, not at the bank"
            for key, row in ours.items()
            if row["status"] in known and key not in paid
        ),
        *(f"{key} was refunded {count} times" for key, count in returned.items() if count > 1),
        *(
            f"payment {key}: refunded {returned[key]} times at the bank, here {row['status']}"
            for key, row in ours.items()
            if (row["status"] == "REFUNDED") != (returned[key] == 1)
        ),
        *_unpaid_ends(tales, paid.keys() - returned.keys()),
    ]
    bank_paid, bank_returned = (
        _rubles(paid.values()),
        _rubles(row for row in refunds if row["status"] == "succeeded"),
    )
    our_paid, our_returned = (
        sum(Decimal(row["amount_kopecks"]) for row in ours.values() if row["status"] in among) / 100
        for among in (known, {"REFUNDED"})
    )
    if (bank_paid, bank_returned) != (our_paid, our_returned):
        wrong.append(f"here paid {our_paid}, refunded {our_returned}")
    found = f"the bank: paid {bank_paid}, refunded {bank_returned} RUB"
    return Check("the acquirer's books agree", found, wrong)


def _unpaid_ends(tales: Sequence[Telling], kept: Iterable[str]) -> Iterator[str]:
    """Exactly the journeys that ended with a visit have left their money."""
    visits = {"reserved", "reserved late", "moved", "completed"}
    expected = sum(tale.outcome in visits for tale in tales)
    if (count := len(set(kept))) != expected:
        yield f"{expected} journeys ended paid, the bank keeps the money of {count}"


async def _bank(
    suite: Suite, http: httpx.AsyncClient, tenant: str, kind: str
) -> list[dict[str, Any]]:
    secrets = json.loads(await asyncio.to_thread(Path(suite.runtime.secrets_file).read_text))
    found: list[dict[str, Any]] = []
    query: dict[str, Any] = {"limit": 100}
    while True:
        answer = await reached(
            *(http, "GET", f"{suite.url('acquirer')}/v3/{kind}", _PATIENCE_SECONDS),
            params=query,
            auth=(f"shop-{tenant}", secrets[f"{tenant}_shop_secret"]),
        )
        answer.raise_for_status()
        page = answer.json()
        found += page["items"]
        if "next_cursor" not in page:
            return found
        query["cursor"] = page["next_cursor"]


def _rubles(rows: Iterable[Mapping[str, Any]]) -> Decimal:
    return sum((Decimal(row["amount"]["value"]) for row in rows), Decimal(0))


async def _letters(suite: Suite, http: httpx.AsyncClient) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    after = 0
    while after is not None:
        answer = await reached(
            *(http, "GET", f"{suite.url('mail')}/messages", _PATIENCE_SECONDS),
            params={"after": after, "limit": 500},
        )
        answer.raise_for_status()
        page = answer.json()
        found += page["items"]
        after = page["next"]
    return found


async def _all(person: Person, path: str) -> list[dict[str, Any]]:
    """Every page of a list."""
    page = await person.get(path, limit=200)
    found = list(page["items"])
    while page["next"]:
        page = await person.get(path, limit=200, cursor=page["next"])
        found += page["items"]
    return found


async def _told(suite: Suite, name: str, *arguments: str, expected: str = "") -> Check:
    """What `kabinet` says; its exit code decides, or the sentence that is expected."""
    try:
        said = (await suite.kabinet(*arguments)).strip()
    except RuntimeError as failed:
        return Check(name, "", str(failed).splitlines())
    if expected and said != expected:
        return Check(name, "", said.splitlines())
    return Check(name, said.splitlines()[-1] if said.count("\n") < 2 else "")
