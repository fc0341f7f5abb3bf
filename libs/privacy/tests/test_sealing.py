"""Sealing and opening, and how long keys stay in memory."""

import asyncio
from dataclasses import dataclass, replace
from datetime import date
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import override

from privacy.errors import KeyUnavailable, SealBroken, SubjectErased
from privacy.memory import MemoryKeyring
from privacy.sealing import Sealers
from privacy.testing import ANNA, BORIS, NORTH, SOUTH
from vocabulary.ids import TenantId
from vocabulary.people import FullName
from vocabulary.sealed import Sealed

MAX_AGE = 300.0


class CountingKeyring(MemoryKeyring):
    """Counts fetches, can be slow or out of reach."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[UUID] = []
        self.asked = asyncio.Event()
        self.reachable = asyncio.Event()
        self.reachable.set()
        self.broken = False

    @override
    async def data_key(self, tenant: TenantId, subject: UUID) -> bytes:
        self.fetched.append(subject)
        self.asked.set()
        await self.reachable.wait()
        if self.broken:
            raise KeyUnavailable("no route to identity")
        return await super().data_key(tenant, subject)


@dataclass
class Watch:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def ring() -> CountingKeyring:
    return CountingKeyring()


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def sealers(ring: CountingKeyring, watch: Watch) -> Sealers:
    return Sealers(ring, max_warm=2, max_age_seconds=MAX_AGE, monotonic=watch)


@given(st.text())
def test_a_text_comes_back_as_it_was(text: str) -> None:
    async def round_trip() -> None:
        sealer = Sealers(MemoryKeyring()).of(NORTH)
        sealed = await sealer.seal(ANNA, "complaint", text)
        assert await sealer.open(sealed) == text
        assert await sealer.seal(ANNA, "complaint", text) == sealed

    asyncio.run(round_trip())


async def test_typed_values_come_back_typed(sealers: Sealers) -> None:
    sealer = sealers.of(NORTH)
    name = FullName(last="Иванова", first="Анна", patronymic=None)
    sealed_name = await sealer.seal(ANNA, "name", name)
    born = await sealer.seal(ANNA, "birth_date", date(1986, 2, 15))
    assert await sealer.open(sealed_name, FullName) == name
    assert await sealer.open(born, date) == date(1986, 2, 15)


async def test_equal_values_look_equal_only_under_one_key_and_field(sealers: Sealers) -> None:
    sealer = sealers.of(NORTH)
    anna = await sealer.seal(ANNA, "last_name", "Иванова")
    assert await sealer.seal(ANNA, "last_name", "Иванова") == anna
    others = [
        await sealer.seal(ANNA, "first_name", "Иванова"),
        await sealer.seal(BORIS, "last_name", "Иванова"),
        await sealers.of(SOUTH).seal(ANNA, "last_name", "Иванова"),
        await sealer.seal(ANNA, "last_name", "Петрова"),
    ]
    assert len({anna.cipher, *(other.cipher for other in others)}) == 5
    assert await sealer.seal(ANNA, "tags", {"b": 1, "a": 2}) == await sealer.seal(
        ANNA, "tags", {"a": 2, "b": 1}
    )


async def test_what_was_tampered_with_does_not_open(sealers: Sealers) -> None:
    sealer = sealers.of(NORTH)
    sealed = await sealer.seal(ANNA, "last_name", "Иванова")
    await sealer.seal(BORIS, "last_name", "Иванова")
    flipped = ("B" if sealed.cipher[0] == "A" else "A") + sealed.cipher[1:]
    for broken in [
        replace(sealed, cipher=flipped),
        replace(sealed, cipher=sealed.cipher[:-4]),
        replace(sealed, cipher=""),
        replace(sealed, cipher="не шифр"),
        replace(sealed, cipher="A"),
        replace(sealed, field="first_name"),
        replace(sealed, subject=BORIS),
    ]:
        with pytest.raises(SealBroken):
            await sealer.open(broken)
    with pytest.raises(SealBroken):
        await sealers.of(SOUTH).open(sealed)


async def test_a_value_of_another_type_is_refused_without_quoting_it(sealers: Sealers) -> None:
    sealer = sealers.of(NORTH)
    sealed: Sealed[object] = await sealer.seal(ANNA, "last_name", "Иванова")
    with pytest.raises(SealBroken) as refused:
        await sealer.open(sealed, date)
    assert refused.value.__cause__ is None
    assert "Иванова" not in str(refused.value)


@pytest.mark.requirement("OPS-11")
async def test_an_erased_subject_stays_closed(sealers: Sealers, ring: CountingKeyring) -> None:
    sealer = sealers.of(NORTH)
    anna = await sealer.seal(ANNA, "last_name", "Иванова")
    boris = await sealer.seal(BORIS, "last_name", "Петров")
    await ring.destroy(NORTH, ANNA)
    sealers.forget(NORTH, ANNA)
    with pytest.raises(SubjectErased):
        await sealer.open(anna)
    with pytest.raises(SubjectErased):
        await sealer.seal(ANNA, "last_name", "Иванова")
    with pytest.raises(SubjectErased):
        await sealer.open_all([boris, anna])
    assert await sealer.open_known([boris, anna, boris]) == ["Петров", None, "Петров"]


async def test_a_ring_out_of_reach_is_asked_again_next_time(
    sealers: Sealers, ring: CountingKeyring
) -> None:
    sealer = sealers.of(NORTH)
    ring.broken = True
    with pytest.raises(KeyUnavailable):
        await sealer.seal(ANNA, "last_name", "Иванова")
    ring.broken = False
    assert await sealer.open(await sealer.seal(ANNA, "last_name", "Иванова")) == "Иванова"


async def test_bulk_fetches_each_key_once(sealers: Sealers, ring: CountingKeyring) -> None:
    people = [UUID(int=number) for number in range(5)]
    sealer = Sealers(ring, max_warm=1).of(NORTH)
    both = await sealer.seal_all(ANNA, {"last_name": "Иванова", "first_name": "Анна"})
    assert ring.fetched == [ANNA]
    assert await sealer.open_all(list(both.values())) == ["Иванова", "Анна"]
    names = [await sealer.seal(person, "last_name", f"{person}") for person in people]
    ring.fetched.clear()
    assert await sealer.open_all(names + names) == [f"{person}" for person in people] * 2
    assert sorted(set(ring.fetched)) == sorted(ring.fetched)


async def test_a_key_is_forgotten_at_its_age(
    sealers: Sealers, ring: CountingKeyring, watch: Watch
) -> None:
    sealer = sealers.of(NORTH)
    fetched = []
    for now in (0.0, MAX_AGE - 0.001, MAX_AGE, MAX_AGE + 0.001):
        watch.now = now
        await sealer.seal(ANNA, "last_name", "Иванова")
        fetched.append(len(ring.fetched))
    assert fetched == [1, 1, 2, 2]


async def test_the_least_recently_used_key_goes_first(
    sealers: Sealers, ring: CountingKeyring
) -> None:
    sealer = sealers.of(NORTH)
    third = UUID(int=3)
    for subject in (ANNA, BORIS, ANNA, third, ANNA, BORIS):
        await sealer.seal(subject, "last_name", "Иванова")
    assert ring.fetched == [ANNA, BORIS, third, BORIS]


async def test_callers_at_once_share_one_fetch_and_one_may_leave(
    sealers: Sealers, ring: CountingKeyring
) -> None:
    sealer = sealers.of(NORTH)
    ring.reachable.clear()
    callers = [asyncio.create_task(sealer.seal(ANNA, "last_name", "Иванова")) for _ in range(3)]
    await asyncio.sleep(0)
    callers[0].cancel()
    await asyncio.sleep(0)
    ring.reachable.set()
    outcomes = await asyncio.gather(*callers, return_exceptions=True)
    assert isinstance(outcomes[0], asyncio.CancelledError)
    assert outcomes[1] == outcomes[2]
    assert ring.fetched == [ANNA]


async def test_a_key_that_arrives_after_being_forgotten_is_not_kept(
    sealers: Sealers, ring: CountingKeyring
) -> None:
    sealer = sealers.of(NORTH)
    ring.reachable.clear()
    late = asyncio.create_task(sealer.seal(ANNA, "last_name", "Иванова"))
    await ring.asked.wait()
    sealers.forget(NORTH, ANNA)
    ring.reachable.set()
    await late
    await ring.destroy(NORTH, ANNA)
    with pytest.raises(SubjectErased):
        await sealer.seal(ANNA, "last_name", "Иванова")
