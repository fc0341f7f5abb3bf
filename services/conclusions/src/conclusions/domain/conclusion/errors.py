"""Why a conclusion does not become what was wished."""

from typing import ClassVar

from decider import Rejection

__all__ = [
    "ConclusionAlreadyAttached",
    "ConclusionNotAttached",
    "ConclusionNotDue",
    "ConclusionNotSigned",
    "DraftEmpty",
    "NotAuthor",
    "NothingToPreview",
    "PreviewOutdated",
]


class ConclusionNotDue(Rejection):
    """The consultation is not completed, or there is none (CON-11)."""

    code: ClassVar[str] = "CONCLUSION_NOT_DUE"


class NotAuthor(Rejection):
    """Only the doctor who ran the consultation writes its conclusion (CON-15)."""

    code: ClassVar[str] = "NOT_AUTHOR"


class DraftEmpty(Rejection):
    """None of the thirteen fields is filled."""

    code: ClassVar[str] = "DRAFT_EMPTY"


class NothingToPreview(Rejection):
    """No document was generated, or it was discarded, or the draft has changed since."""

    code: ClassVar[str] = "NOTHING_TO_PREVIEW"


class PreviewOutdated(Rejection):
    """Another document than the one to be attached was generated since."""

    code: ClassVar[str] = "PREVIEW_OUTDATED"


class ConclusionAlreadyAttached(Rejection):
    """A consultation has one conclusion; a second one is refused (CON-13)."""

    code: ClassVar[str] = "CONCLUSION_ALREADY_ATTACHED"


class ConclusionNotAttached(Rejection):
    """There is nothing to sign yet."""

    code: ClassVar[str] = "CONCLUSION_NOT_ATTACHED"


class ConclusionNotSigned(Rejection):
    """Only a signed document is published (CON-26)."""

    code: ClassVar[str] = "CONCLUSION_NOT_SIGNED"
