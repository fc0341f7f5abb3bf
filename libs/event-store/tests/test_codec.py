from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import msgspec
import pytest

from event_store import START, Codec, Cursor, Metadata, RecordedEvent, StreamName, UnknownEventType
from event_store.codec import Past, UnstorableText, encode_metadata


@dataclass(frozen=True, slots=True, kw_only=True)
class Booked:
    patient: UUID
    at: datetime
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BookedV1:
    patient: UUID
    day: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled:
    patient: UUID


def with_time(old: BookedV1) -> Booked:
    return Booked(patient=old.patient, at=datetime.fromisoformat(f"{old.day}T00:00:00+00:00"))


BOOKINGS: Codec[Booked | Cancelled] = Codec(
    {Booked: "Booked.v2", Cancelled: "Cancelled.v1"},
    {"Booked.v1": Past(BookedV1, with_time)},
)
PATIENT = UUID(int=7)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def recorded(name: str, data: bytes) -> RecordedEvent:
    return RecordedEvent(UUID(int=1), "booking-north.a", 0, name, data, b"{}", 1, 2)


def test_an_event_comes_back_as_it_was() -> None:
    events: Sequence[Booked | Cancelled] = [
        Booked(patient=PATIENT, at=NOON, note="Ж"),
        Cancelled(patient=PATIENT),
    ]
    stored = [recorded(*BOOKINGS.encode(event)) for event in events]
    assert [event.type for event in stored] == ["Booked.v2", "Cancelled.v1"]
    assert [BOOKINGS.decode(event) for event in stored] == events
    assert BOOKINGS.decode_all(stored) == events


def test_the_stored_form_is_plain_json_and_unknown_fields_are_passed_over() -> None:
    assert BOOKINGS.encode(Cancelled(patient=PATIENT)) == (
        "Cancelled.v1",
        b'{"patient":"00000000-0000-0000-0000-000000000007"}',
    )
    newer = b'{"patient":"00000000-0000-0000-0000-000000000007","why":"ill"}'
    assert BOOKINGS.decode(recorded("Cancelled.v1", newer)) == Cancelled(patient=PATIENT)


def test_an_old_version_is_read_as_todays_event() -> None:
    old = recorded(
        "Booked.v1", b'{"patient":"00000000-0000-0000-0000-000000000007","day":"2026-03-01"}'
    )
    today = Booked(patient=PATIENT, at=datetime(2026, 3, 1, tzinfo=UTC))
    assert BOOKINGS.decode(old) == today
    assert BOOKINGS.decode_all([old]) == [today]
    assert BOOKINGS.types == {"Booked.v1", "Booked.v2", "Cancelled.v1"}


def test_an_unknown_name_is_an_error() -> None:
    stranger = recorded("Moved.v1", b"{}")
    with pytest.raises(UnknownEventType, match=r"Moved\.v1"):
        BOOKINGS.decode(stranger)
    with pytest.raises(UnknownEventType, match=r"Moved\.v1"):
        BOOKINGS.decode_all([stranger])


def test_an_upcast_that_fails_on_a_key_is_not_taken_for_an_unknown_name() -> None:
    def fails(_: BookedV1) -> Booked:
        raise KeyError("Europe/Nowhere")

    codec: Codec[Booked] = Codec({Booked: "Booked.v2"}, {"Booked.v1": Past(BookedV1, fails)})
    old = recorded("Booked.v1", b'{"patient":"00000000-0000-0000-0000-000000000007","day":"x"}')
    with pytest.raises(KeyError, match="Nowhere"):
        codec.decode_all([old])


def test_bytes_that_do_not_fit_are_an_error() -> None:
    with pytest.raises(msgspec.ValidationError):
        BOOKINGS.decode(recorded("Cancelled.v1", b'{"patient":7}'))


def test_a_class_outside_the_table_cannot_be_stored() -> None:
    codec: Codec[object] = Codec({Booked: "Booked.v2"})
    with pytest.raises(KeyError):
        codec.encode(Cancelled(patient=PATIENT))


@pytest.mark.parametrize("note", ["\0", "a\0b", "\\\0", "\ud800"])
def test_a_text_that_no_column_takes_is_not_stored(note: str) -> None:
    with pytest.raises(UnstorableText):
        BOOKINGS.encode(Booked(patient=PATIENT, at=NOON, note=note))


@pytest.mark.parametrize("note", ["\\u0000", "u0000", "\\\\u0000", "\1", "😀"])
def test_a_text_that_only_looks_like_it_is_stored(note: str) -> None:
    name, data = BOOKINGS.encode(Booked(patient=PATIENT, at=NOON, note=note))
    assert BOOKINGS.decode(recorded(name, data)) == Booked(patient=PATIENT, at=NOON, note=note)


def test_a_name_stands_once() -> None:
    with pytest.raises(ValueError, match="twice"):
        Codec({Booked: "Booked.v1", Cancelled: "Booked.v1"})
    with pytest.raises(ValueError, match="twice"):
        Codec({Booked: "Booked.v1"}, {"Booked.v1": Past(BookedV1, with_time)})


def test_codecs_of_several_aggregates_make_one() -> None:
    other: Codec[Cancelled] = Codec({Cancelled: "VisitCancelled.v1"})
    bookings: Codec[Booked] = Codec({Booked: "Booked.v2"}, {"Booked.v1": Past(BookedV1, with_time)})
    merged = Codec.merge(bookings, other)
    assert merged.types == {"Booked.v1", "Booked.v2", "VisitCancelled.v1"}
    assert merged.encode(Cancelled(patient=PATIENT))[0] == "VisitCancelled.v1"
    clash: Codec[Cancelled] = Codec({Cancelled: "Booked.v2"})
    with pytest.raises(ValueError, match="under one name"):
        Codec.merge(bookings, clash)


def test_metadata_is_stored_without_what_is_not_known() -> None:
    metadata = Metadata(
        tenant="north", actor="account:1", role="patient", time=NOON, correlation=UUID(int=9)
    )
    stored = encode_metadata(metadata)
    assert b"causation" not in stored
    one = RecordedEvent(UUID(int=1), "booking-north.a:b.c-d", 0, "Booked.v2", b"{}", stored, 1, 2)
    assert one.meta() == metadata
    assert one.key("booking") == "a:b.c-d"
    assert one.cursor == Cursor(1, 2)


def test_a_cursor_is_read_from_its_text_only() -> None:
    assert Cursor.parse("") == START
    assert str(Cursor(1, 255)) == "000000000000000100000000000000ff"
    for wrong in ("0", "1" * 31, "1" * 33, "x" * 32):
        with pytest.raises(ValueError, match=r"digits|invalid literal"):
            Cursor.parse(wrong)


def test_a_stream_name_has_one_text_form() -> None:
    assert str(StreamName("doctor-day", "north", "1:2026-11-21")) == "doctor-day-north.1:2026-11-21"


def test_names_of_classes_include_all_that_may_be_upcast_to_them() -> None:
    assert BOOKINGS.names([Cancelled]) == {"Cancelled.v1", "Booked.v1"}
    with pytest.raises(KeyError):
        Codec[object]({Booked: "Booked.v2"}).names([BookedV1])
