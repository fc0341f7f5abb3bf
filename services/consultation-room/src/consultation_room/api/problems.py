"""Which status each refusal answers with."""

from consultation_room.domain.chat_thread.errors import EmptyMessage, TooManyFiles, UnknownFile
from consultation_room.domain.consultation.errors import (
    NotAssignedDoctor,
    NotInWork,
    PaymentRequired,
    TooEarly,
)
from consultation_room.domain.details import ConsultationClosed, ConsultationNotFound
from policies.api import POLICY_PROBLEMS
from service_kit.problems import ProblemTable

__all__ = ["PROBLEMS"]

PROBLEMS = ProblemTable(
    {
        ConsultationNotFound: 404,
        ConsultationClosed: 409,
        PaymentRequired: 402,
        NotAssignedDoctor: 403,
        TooEarly: 409,
        NotInWork: 409,
        EmptyMessage: 422,
        UnknownFile: 422,
        TooManyFiles: 409,
        **POLICY_PROBLEMS,
    }
)
