"""The one family of errors raised when a text or number is not a word of this vocabulary."""

from typing import ClassVar


class InvalidValue(ValueError):
    """A value that may not exist; `code` is stable and may be shown to API clients.

    The message never quotes the refused value, because it may be personal.
    """

    code: ClassVar[str] = "INVALID_VALUE"
