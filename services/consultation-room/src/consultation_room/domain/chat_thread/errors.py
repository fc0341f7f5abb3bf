"""Why something does not come into a chat."""

from typing import ClassVar

from decider import Rejection
from vocabulary.ids import FileId

__all__ = ["EmptyMessage", "TooManyFiles", "UnknownFile"]


class EmptyMessage(Rejection):
    """Neither text nor file (ROOM-27)."""

    code: ClassVar[str] = "EMPTY_MESSAGE"


class TooManyFiles(Rejection):
    """This side has shared as many files as the policy allows (ROOM-26)."""

    code: ClassVar[str] = "TOO_MANY_FILES"

    def __init__(self, *, max_files: int) -> None:
        super().__init__()
        self.max_files = max_files


class UnknownFile(Rejection):
    """The author has not shared a file of this id here."""

    code: ClassVar[str] = "UNKNOWN_FILE"

    def __init__(self, *, file_id: FileId) -> None:
        super().__init__()
        self.file_id = file_id
