"""What a tenant may settle for itself about conclusions; every change is an event with its version."""

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["ConclusionPolicies", "SigningMode"]


class SigningMode(StrEnum):
    """What makes the signature (CON-24)."""

    AUTO = "AUTO"
    """Attaching the document does."""
    MANUAL = "MANUAL"
    """The doctor asks for it, document by document."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConclusionPolicies:
    """Defaults as in the requirements' table of configurable policies.

    `upload_limit_mb` bounds an uploaded document in mebibytes (1024 * 1024 bytes).
    """

    signing: SigningMode = SigningMode.AUTO
    upload_limit_mb: int = 20

    def __post_init__(self) -> None:
        if not 1 <= self.upload_limit_mb <= MOST_UPLOAD_MB:
            raise ValueError(f"upload_limit_mb is between 1 and {MOST_UPLOAD_MB}")


MOST_UPLOAD_MB = 50
