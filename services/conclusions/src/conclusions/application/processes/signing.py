"""From the attached document to the signed and published one (S11)."""

from collections.abc import Sequence

from conclusions.application import Conclusions
from conclusions.domain.conclusion.commands import PublishConclusion, RequestAutomaticSignature
from conclusions.domain.conclusion.events import (
    ConclusionAttached,
    ConclusionPublished,
    ConclusionSigned,
    ConclusionUploaded,
    SignatureRequested,
)
from messaging import Cause, Dispatch, Process

__all__ = ["SIGNING"]


def on_document(
    event: ConclusionAttached | ConclusionUploaded, _cause: Cause
) -> Sequence[Dispatch]:
    """In the mode MANUAL the decider lets it rest."""
    command = RequestAutomaticSignature()
    return [Dispatch(to="conclusions", key=event.case.consultation_id, command=command)]


async def on_signature_requested(
    event: SignatureRequested, cause: Cause, conclusions: Conclusions
) -> Sequence[Dispatch]:
    return await conclusions.signing.sign(event, cause)


def on_signed(event: ConclusionSigned, _cause: Cause) -> Sequence[Dispatch]:
    command = PublishConclusion()
    return [Dispatch(to="conclusions", key=event.case.consultation_id, command=command)]


SIGNING = Process(
    name="signing",
    reactions={
        ConclusionAttached: on_document,
        ConclusionUploaded: on_document,
        SignatureRequested: on_signature_requested,
        ConclusionSigned: on_signed,
    },
    starts={SignatureRequested: lambda event: str(event.case.consultation_id)},
    ends={ConclusionPublished: lambda event: str(event.case.consultation_id)},
)
