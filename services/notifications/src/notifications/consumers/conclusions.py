"""What conclusions tells: that a signed document can be read (NTF-20)."""

from collections.abc import Sequence

from contracts.conclusions import ConclusionPublished
from contracts.fact import PublicEvent
from messaging import Cause, Dispatch, Reaction
from notifications.application import Notifications
from notifications.application.queueing import known_plan, tell_of_appointment
from notifications.domain.message_types import MessageType

__all__ = ["HANDLERS"]


async def on_conclusion_published(
    event: ConclusionPublished, cause: Cause, app: Notifications
) -> Sequence[Dispatch]:
    _, details = await known_plan(app, cause, event.appointment_id)
    return [
        await tell_of_appointment(
            app,
            cause,
            MessageType.CONCLUSION_READY,
            event.patient_id,
            details,
            conclusion_id=str(event.conclusion_id),
        )
    ]


HANDLERS: dict[type[PublicEvent], Reaction] = {ConclusionPublished: on_conclusion_published}
