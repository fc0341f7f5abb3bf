import re
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from event_store import Metadata, RecordedEvent
from event_store.codec import encode_metadata
from messaging import Envelope, MalformedEnvelope, from_headers, of_recorded, to_headers
from messaging.envelope import kept_aside
from messaging.testing import envelope

text = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)
full = Metadata(
    tenant="north",
    actor="account:1",
    role="patient",
    time=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    correlation=UUID(int=1),
    causation=UUID(int=2),
    subject="patient:3",
    traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    policy=4,
)
SAMPLE = Envelope(
    id=UUID(int=5),
    source="booking",
    type="AppointmentReserved.v1",
    key="appointment-north.6",
    position="0" * 31 + "7",
    data=b'{"a":1}',
    metadata=full,
)


def test_attributes_have_the_names_that_cloudevents_gives_them() -> None:
    assert to_headers(SAMPLE) == {
        "content-type": "application/json",
        "ce_specversion": "1.0",
        "ce_id": "00000000-0000-0000-0000-000000000005",
        "ce_source": "booking",
        "ce_type": "AppointmentReserved.v1",
        "ce_partitionkey": "appointment-north.6",
        "ce_sequence": "0" * 31 + "7",
        "ce_time": "2026-01-02T03:04:05+00:00",
        "ce_tenant": "north",
        "ce_actor": "account:1",
        "ce_role": "patient",
        "ce_correlationid": "00000000-0000-0000-0000-000000000001",
        "ce_causationid": "00000000-0000-0000-0000-000000000002",
        "ce_onbehalfof": "patient:3",
        "ce_traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "ce_policyversion": "4",
    }


def test_names_of_attributes_are_lower_case_letters_and_digits() -> None:
    names = [name.removeprefix("ce_") for name in to_headers(SAMPLE) if name.startswith("ce_")]
    assert all(re.fullmatch("[a-z0-9]{1,20}", name) for name in names)


@given(
    st.builds(
        Envelope,
        id=st.uuids(),
        source=text,
        type=text,
        key=text,
        position=st.from_regex(r"[0-9a-f]{32}(\.[0-9]{4})?", fullmatch=True),
        data=st.binary(),
        metadata=st.builds(
            Metadata,
            tenant=text,
            actor=text,
            role=text,
            time=st.datetimes(timezones=st.just(UTC)),
            correlation=st.uuids(),
            causation=st.none() | st.uuids(),
            subject=st.none() | text,
            traceparent=st.none() | text,
            policy=st.none() | st.integers(0, 2**31),
        ),
    )
)
def test_an_envelope_comes_back_as_it_was(sent: Envelope) -> None:
    assert from_headers(to_headers(sent), sent.data) == sent


def test_a_time_of_another_zone_is_the_same_instant() -> None:
    headers = to_headers(SAMPLE) | {"ce_time": "2026-01-02T06:04:05+03:00"}
    back = from_headers(headers, b"").metadata.time
    assert back == full.time
    assert back.utcoffset() == timezone(timedelta(hours=3)).utcoffset(None)


def test_headers_of_others_are_passed_over() -> None:
    assert from_headers(to_headers(SAMPLE) | {"ce_new": "x", "b3": "y"}, SAMPLE.data) == SAMPLE


@pytest.mark.parametrize("missing", sorted({"ce_id", "ce_type", "ce_tenant", "ce_specversion"}))
def test_a_missing_attribute_is_named(missing: str) -> None:
    headers = to_headers(SAMPLE)
    del headers[missing]
    with pytest.raises(MalformedEnvelope, match=missing.removeprefix("ce_")):
        from_headers(headers, b"")


def test_a_malformed_value_is_not_quoted() -> None:
    with pytest.raises(MalformedEnvelope) as raised:
        from_headers(to_headers(SAMPLE) | {"ce_time": "Ivan Petrov"}, b"")
    assert "Ivan" not in str(raised.value)
    assert raised.value.__cause__ is None


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("ce_sequence", "z"),
        ("ce_sequence", ""),
        ("ce_sequence", "0" * 31),
        ("ce_sequence", "0" * 32 + "!"),
        ("ce_sequence", "0" * 32 + ".1"),
        ("ce_sequence", "0" * 32 + "\n"),
        ("ce_sequence", "A" * 32),
        ("ce_time", "2026-01-02T03:04:05"),
        ("ce_partitionkey", "appointment\0"),
        ("ce_onbehalfof", "\0"),
    ],
)
def test_what_would_hold_up_a_consumer_is_malformed(attribute: str, value: str) -> None:
    with pytest.raises(MalformedEnvelope):
        from_headers(to_headers(SAMPLE) | {attribute: value}, b"")


def test_what_stands_aside_comes_back_from_the_parking_lot_as_it_was() -> None:
    aside = kept_aside("booking.events-0-7", {}, b"")
    for position in ("", "!", SAMPLE.position + "!!", SAMPLE.position + ".0001!"):
        parked = replace(aside, position=position)
        assert from_headers(to_headers(parked), parked.data) == parked


def test_an_event_of_the_own_store_is_an_envelope_too() -> None:
    recorded = RecordedEvent(
        UUID(int=5),
        "appointment-north.6",
        0,
        "AppointmentReserved.v1",
        b'{"a":1}',
        encode_metadata(full),
        0,
        7,
    )
    assert of_recorded("booking", recorded) == SAMPLE


def test_an_envelope_knows_its_tenant() -> None:
    assert envelope(1).tenant == "north"
