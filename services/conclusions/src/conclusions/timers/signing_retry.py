"""A signature that could not be made is tried again, with growing pauses."""

from conclusions.domain.conclusion.commands import RetrySignature
from conclusions.domain.conclusion.events import ConclusionSigningFailed, SignatureRequested
from messaging import Dispatch
from read_models import Fact
from timers import Deadline, Due, Elapsed

__all__ = ["SIGNING_RETRY"]


def of_failed(event: ConclusionSigningFailed, _fact: Fact) -> Due | None:
    if event.retry_at is None:
        return None
    return Due(key=_key(event.case.consultation_id, event.attempt), at=event.retry_at)


def of_requested(event: SignatureRequested, _fact: Fact) -> str:
    return _key(event.case.consultation_id, event.attempt - 1)


def retry(elapsed: Elapsed) -> Dispatch:
    consultation_id, _, attempt = elapsed.key.partition("|")
    command = RetrySignature(attempt=int(attempt))
    return Dispatch(to="conclusions", key=consultation_id, command=command)


def _key(consultation_id: object, attempt: int) -> str:
    """Each failure has its own deadline."""
    return f"{consultation_id}|{attempt}"


SIGNING_RETRY = Deadline(
    name="signing_retry",
    sets={ConclusionSigningFailed: of_failed},
    cancels={SignatureRequested: of_requested},
    fire=retry,
)
