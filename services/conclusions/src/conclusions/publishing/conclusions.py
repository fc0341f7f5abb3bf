"""The end of a conclusion's life, as all other services hear of it. No medical text leaves the service."""

from typing import TypedDict
from uuid import UUID

from conclusions.domain.conclusion import events as own
from contracts import conclusions as public
from contracts.fact import PublicEvent
from messaging import Envelope

__all__ = ["publish"]


class Fact(TypedDict):
    """The fields of `ConclusionFact`."""

    conclusion_id: UUID
    consultation_id: UUID
    appointment_id: UUID
    patient_id: UUID
    clinician_id: UUID


def publish(event: object, _envelope: Envelope) -> PublicEvent | None:
    """The public fact, or None: drafts, previews, readings, certificates and copies stay inside."""
    match event:
        case own.ConclusionSigned():
            return public.ConclusionSigned(
                **_fact(event.case),
                document_sha256=event.signature.signed_sha256,
                certificate_serial=event.signature.certificate.serial,
                signed_at=event.signature.signed_at,
            )
        case own.ConclusionSigningFailed():
            return public.ConclusionSigningFailed(**_fact(event.case), reason=event.reason.value)
        case own.ConclusionPublished():
            return public.ConclusionPublished(
                **_fact(event.case), document_sha256=event.signed_sha256
            )
        case _:
            return None


def _fact(case: own.ConclusionCase) -> Fact:
    return {
        "conclusion_id": case.conclusion_id,
        "consultation_id": case.consultation_id,
        "appointment_id": case.appointment_id,
        "patient_id": case.patient_id,
        "clinician_id": case.clinician_id,
    }
