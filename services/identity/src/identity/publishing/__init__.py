"""Private facts of identity as public ones."""

from collections.abc import Callable
from typing import Any

from contracts.fact import PublicEvent
from identity.publishing import clinician, organisation, patient, registration_attempt
from messaging import Envelope

__all__ = ["publish"]

_PUBLISHERS: tuple[Callable[[Any, Envelope], PublicEvent | None], ...] = (
    organisation.publish,
    clinician.publish,
    registration_attempt.publish,
    patient.publish,
)


def publish(event: object, envelope: Envelope) -> PublicEvent | None:
    """The public fact that follows from a private one, if any."""
    return next((fact for tell in _PUBLISHERS if (fact := tell(event, envelope))), None)
