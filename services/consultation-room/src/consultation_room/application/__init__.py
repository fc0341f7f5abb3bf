"""The consultation room as its entry points see it."""

from dataclasses import dataclass

from consultation_room.domain.chat_reading.commands import ChatReadingCommand
from consultation_room.domain.chat_reading.events import ChatReadingEvent
from consultation_room.domain.chat_reading.state import ChatReading
from consultation_room.domain.chat_thread.commands import ChatThreadCommand
from consultation_room.domain.chat_thread.events import ChatThreadEvent
from consultation_room.domain.chat_thread.state import ChatThread
from consultation_room.domain.consultation.commands import ConsultationCommand
from consultation_room.domain.consultation.events import ConsultationEvent
from consultation_room.domain.consultation.state import Consultation
from consultation_room.domain.policies import RoomPolicies
from event_store import CommandHandler
from policies import PolicyBook

__all__ = ["ConsultationRoom"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsultationRoom:
    """One handler for each aggregate, and what the tenants have settled."""

    consultations: CommandHandler[ConsultationCommand, Consultation, ConsultationEvent]
    threads: CommandHandler[ChatThreadCommand, ChatThread, ChatThreadEvent]
    readings: CommandHandler[ChatReadingCommand, ChatReading, ChatReadingEvent]
    policies: PolicyBook[RoomPolicies]
