"""The form of every public event."""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict

__all__ = ["PublicEvent"]


class PublicEvent(BaseModel):
    """A fact that one service tells all others.

    A subclass is one version of one fact. Its name, fields and their meaning are for ever; see
    `contracts/README.md` for what may change. Consumers ignore fields that they do not know.
    Tenant, actor, subject, time and causes are not in the fact: the envelope carries them.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    version: ClassVar[int] = 1

    @classmethod
    def type_name(cls) -> str:
        """The name on the bus: the class's name and its version, `InvoicePaid.v1`."""
        return f"{cls.__name__}.v{cls.version}"
