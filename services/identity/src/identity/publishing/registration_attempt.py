"""What has to be known of a registration: that a code waits to be sent."""

from contracts import identity as facts
from contracts.fact import PublicEvent
from identity.domain.people import LoginKind
from identity.domain.registration_attempt.events import ConfirmationCodeIssued
from messaging import Envelope

__all__ = ["publish"]


def publish(event: object, _envelope: Envelope) -> PublicEvent | None:
    if not isinstance(event, ConfirmationCodeIssued):
        return None
    details = event.details
    by_email = details.login.kind is LoginKind.EMAIL
    return facts.ConfirmationCodeIssued(
        attempt_id=details.attempt_id,
        patient_id=details.profile.patient_id,
        code=event.code.code,
        expires_at=event.expires_at,
        language=details.language,
        email=details.profile.email if by_email else None,
        phone=None if by_email else details.profile.phone,
    )
