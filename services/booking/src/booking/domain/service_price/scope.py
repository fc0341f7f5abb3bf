"""Whether a service can be had with a doctor: the patient chooses it, and with it the price (BIL-01)."""

from booking.domain.details import AppointmentKind
from booking.domain.service_price.errors import ServiceNotForAppointment
from booking.domain.service_price.events import ServiceScope
from vocabulary.ids import ClinicianId

__all__ = ["expect_in_scope"]


def expect_in_scope(
    scope: ServiceScope, *, clinician_id: ClinicianId, specialty: str, kind: AppointmentKind
) -> None:
    """Raises ServiceNotForAppointment. Letter case of a specialty does not matter."""
    named = {each.casefold() for each in scope.specialties}
    anybody = not scope.clinician_ids and not named
    doctor = clinician_id in scope.clinician_ids or specialty.casefold() in named
    if not (anybody or doctor) or (scope.kinds and kind not in scope.kinds):
        raise ServiceNotForAppointment
