"""A cancellation that is settled becomes messages: to the patient, and to the doctor who knew of the visit (NTF-13)."""

from collections.abc import Sequence

from messaging import Cause, Dispatch, Process
from notifications.application import Notifications
from notifications.application.queueing import tell_of_appointment
from notifications.domain.message_types import MessageType
from notifications.domain.reminder_plan.events import CancellationNoted, CancellationSettled

__all__ = ["CANCELLING"]


async def on_cancellation_settled(
    event: CancellationSettled, cause: Cause, app: Notifications
) -> Sequence[Dispatch]:
    """Of a mere hold the doctor never knew, and no calendar holds it."""
    details, kind = event.details, MessageType.APPOINTMENT_CANCELLED
    told = {"by": event.by, "refund": event.outcome.value}
    if not event.was_reserved:
        return [await tell_of_appointment(app, cause, kind, details.patient_id, details, **told)]
    calendar = {"calendar": "CANCEL", "sequence": str(event.sequence)}
    return [
        await tell_of_appointment(
            app, cause, kind, details.patient_id, details, **told, **calendar
        ),
        await tell_of_appointment(app, cause, kind, details.clinician_id, details, **told),
    ]


CANCELLING = Process(
    name="cancelling",
    reactions={CancellationSettled: on_cancellation_settled},
    starts={CancellationNoted: lambda event: str(event.appointment_id)},
    ends={CancellationSettled: lambda event: str(event.details.appointment_id)},
)
