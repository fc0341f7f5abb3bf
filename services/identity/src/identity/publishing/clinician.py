"""What everybody may know of a clinician."""

from contracts import identity as facts
from contracts.fact import PublicEvent
from identity.domain.clinician.events import ClinicianRegistered
from messaging import Envelope

__all__ = ["publish"]


def publish(event: object, _envelope: Envelope) -> PublicEvent | None:
    if not isinstance(event, ClinicianRegistered):
        return None
    details = event.details
    return facts.ClinicianRegistered(
        clinician_id=details.clinician_id,
        account_id=event.account_id,
        branch_id=details.branch_id,
        last_name=details.last_name,
        first_name=details.first_name,
        patronymic=details.patronymic,
        specialty=details.specialty,
        category=details.category,
        email=event.email,
        language=event.language,
    )
