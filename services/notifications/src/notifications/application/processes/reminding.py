"""A reminder that has come due becomes a message (NTF-11)."""

from collections.abc import Sequence

from messaging import Cause, Dispatch, Process
from notifications.application import Notifications
from notifications.application.queueing import tell_of_appointment
from notifications.domain.message_types import MessageType
from notifications.domain.reminder_plan.events import ReminderDue

__all__ = ["REMINDING"]


async def on_reminder_due(
    event: ReminderDue, cause: Cause, app: Notifications
) -> Sequence[Dispatch]:
    details = event.details
    return [
        await tell_of_appointment(app, cause, MessageType.REMINDER, details.patient_id, details)
    ]


REMINDING = Process(name="reminding", reactions={ReminderDue: on_reminder_due})
