"""What can go wrong when a personal value is sealed or opened."""

from uuid import UUID


class SubjectErased(Exception):
    """The data key of the subject was destroyed; its values stay closed for ever."""

    def __init__(self, subject: UUID) -> None:
        super().__init__(f"the data key of {subject} is destroyed")
        self.subject = subject


class KeyUnavailable(Exception):
    """The keyring could not be reached or did not answer sensibly; trying again later helps."""


class SealBroken(Exception):
    """The cipher text was changed, belongs to another field or subject, or holds another type."""

    def __init__(self, subject: UUID, field: str) -> None:
        super().__init__(f"the sealed {field} of {subject} cannot be opened")
        self.subject = subject
        self.field = field
