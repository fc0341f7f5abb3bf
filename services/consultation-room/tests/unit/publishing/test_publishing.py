"""The life of a consultation is public, its chat and its visitors are not."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from consultation_room.bootstrap import CODEC
from consultation_room.domain.consultation.events import STORED_NAMES
from consultation_room.publishing.consultations import publish
from contracts import consultation_room as public
from event_store import Metadata, RecordedEvent
from messaging import Envelope

SAMPLES = Path(__file__).parents[3] / "samples"
ENVELOPE = Envelope(
    id=UUID(int=1),
    source="consultation_room",
    type="",
    key="",
    position="",
    data=b"",
    metadata=Metadata(
        tenant="north",
        actor="service:tests",
        role="service",
        time=datetime(2026, 12, 1, tzinfo=UTC),
        correlation=UUID(int=1),
    ),
)


def test_five_facts_are_public_and_name_the_participants() -> None:
    told = {}
    for path in SAMPLES.glob("*.json"):
        event = CODEC.decode(
            RecordedEvent(UUID(int=0), "", 0, path.stem, path.read_bytes(), b"", 0, 0)
        )
        fact = publish(event, ENVELOPE)
        if fact is not None:
            told[type(event)] = fact
            assert isinstance(fact, public.ConsultationFact)
            whose = getattr(event, "participants", None) or event.details.participants
            assert (
                fact.model_dump().items()
                >= {
                    "consultation_id": whose.consultation_id,
                    "appointment_id": whose.appointment_id,
                    "patient_id": whose.patient_id,
                    "clinician_id": whose.clinician_id,
                }.items()
            )
    assert {type(fact) for fact in told.values()} == set(public.FACTS)
    assert all(type(fact).type_name() == STORED_NAMES[event] for event, fact in told.items())


def test_times_are_told() -> None:
    def event_of(name: str) -> object:
        sample = (SAMPLES / f"{name}.json").read_bytes()
        return CODEC.decode(RecordedEvent(UUID(int=0), "", 0, name, sample, b"", 0, 0))

    opened = publish(event_of("ConsultationOpened.v1"), ENVELOPE)
    assert isinstance(opened, public.ConsultationOpened)
    assert opened.planned_end > opened.planned_start
    completed = publish(event_of("ConsultationCompleted.v1"), ENVELOPE)
    assert isinstance(completed, public.ConsultationCompleted)
    assert completed.completed_at > completed.accepted_at


@pytest.mark.requirement("BIL-43")
@pytest.mark.parametrize("waited", [False, True])
def test_it_is_told_whether_the_patient_waited_in_vain(waited: bool) -> None:
    sample = (SAMPLES / "ConsultationExpired.v1.json").read_bytes()
    event = CODEC.decode(
        RecordedEvent(UUID(int=0), "", 0, "ConsultationExpired.v1", sample, b"", 0, 0)
    )
    told = publish(replace(event, patient_waited=waited), ENVELOPE)
    assert isinstance(told, public.ConsultationExpired)
    assert told.patient_waited is waited
