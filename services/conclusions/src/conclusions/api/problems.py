"""Which status each refusal answers with."""

from conclusions.domain.conclusion.errors import (
    ConclusionAlreadyAttached,
    ConclusionNotAttached,
    ConclusionNotDue,
    ConclusionNotSigned,
    DraftEmpty,
    NotAuthor,
    NothingToPreview,
    PreviewOutdated,
)
from policies.api import POLICY_PROBLEMS
from service_kit.problems import ProblemTable

__all__ = ["PROBLEMS"]

PROBLEMS = ProblemTable(
    {
        ConclusionNotDue: 404,
        NotAuthor: 403,
        DraftEmpty: 409,
        NothingToPreview: 409,
        PreviewOutdated: 409,
        ConclusionAlreadyAttached: 409,
        ConclusionNotAttached: 409,
        ConclusionNotSigned: 409,
        **POLICY_PROBLEMS,
    }
)
