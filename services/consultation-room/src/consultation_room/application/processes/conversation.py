"""The clinic's side of the chat: what is said and when the chat ends follows from the consultation."""

from collections.abc import Mapping, Sequence

from consultation_room.domain.chat_thread.commands import CloseThread, PostSystemMessage
from consultation_room.domain.chat_thread.events import SystemMessage
from consultation_room.domain.consultation.events import (
    ConsultationCancelled,
    ConsultationCompleted,
    ConsultationExpired,
    ConsultationOpened,
    ConsultationRescheduled,
    ConsultationTakenInWork,
)
from messaging import Cause, Dispatch, Process
from vocabulary.ids import ConsultationId

__all__ = ["PROCESS"]


def on_consultation_opened(event: ConsultationOpened, cause: Cause) -> Sequence[Dispatch]:
    """The patient may write and send documents from now on (ROOM-22, ROOM-24)."""
    details = event.details
    thread = details.participants.consultation_id
    when = {"starts_at": details.planned_start.isoformat(), "zone": details.zone}
    return [
        _say(thread, cause, "REQUEST_ACCEPTED"),
        _say(thread, cause, "DOCTOR_SOON", when),
    ]


def on_consultation_rescheduled(event: ConsultationRescheduled, cause: Cause) -> Sequence[Dispatch]:
    when = {"starts_at": event.planned_start.isoformat(), "zone": event.zone}
    return [_say(event.consultation_id, cause, "RESCHEDULED", when)]


def on_consultation_taken(event: ConsultationTakenInWork, cause: Cause) -> Sequence[Dispatch]:
    """The doctor introduces themselves and asks what it is about (ROOM-22)."""
    thread = event.participants.consultation_id
    doctor = {"doctor_name": event.doctor_name, "specialty": event.specialty}
    return [_say(thread, cause, "GREETING", doctor), _say(thread, cause, "QUESTION")]


def on_consultation_completed(event: ConsultationCompleted, cause: Cause) -> Sequence[Dispatch]:
    """What happens next (ROOM-23), and the end for both sides (ROOM-57)."""
    thread = event.participants.consultation_id
    said = [_say(thread, cause, "CONCLUSION_DUE", {"hours": str(event.conclusion_due_hours)})]
    if event.call_centre_phones:
        phones = {"phones": ", ".join(event.call_centre_phones)}
        said.append(_say(thread, cause, "BOOK_EXAMINATIONS", phones))
    return [*said, _say(thread, cause, "FINISHED"), _close(thread, cause)]


def on_consultation_cancelled(event: ConsultationCancelled, cause: Cause) -> Sequence[Dispatch]:
    thread = event.participants.consultation_id
    return [_say(thread, cause, "CANCELLED"), _close(thread, cause)]


def on_consultation_expired(event: ConsultationExpired, cause: Cause) -> Sequence[Dispatch]:
    thread = event.participants.consultation_id
    return [_say(thread, cause, "EXPIRED"), _close(thread, cause)]


def _say(
    thread: ConsultationId, cause: Cause, key: str, facts: Mapping[str, str] | None = None
) -> Dispatch:
    message = PostSystemMessage(
        consultation_id=thread,
        message=SystemMessage(key=key, facts=facts or {}),
        occasion=cause.envelope.id,
        now=cause.now,
    )
    return Dispatch(to="threads", key=thread, command=message, word=key)


def _close(thread: ConsultationId, cause: Cause) -> Dispatch:
    command = CloseThread(consultation_id=thread, now=cause.now)
    return Dispatch(to="threads", key=thread, command=command)


PROCESS = Process(
    name="conversation",
    reactions={
        ConsultationOpened: on_consultation_opened,
        ConsultationRescheduled: on_consultation_rescheduled,
        ConsultationTakenInWork: on_consultation_taken,
        ConsultationCompleted: on_consultation_completed,
        ConsultationCancelled: on_consultation_cancelled,
        ConsultationExpired: on_consultation_expired,
    },
)
