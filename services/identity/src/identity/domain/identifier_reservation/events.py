"""Facts of a login. Their names and fields are stored for ever."""

from dataclasses import dataclass

from vocabulary.ids import AccountId

__all__ = ["STORED_NAMES", "IdentifierReservationEvent", "IdentifierReserved"]


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentifierReserved:
    """From now on this login means this account."""

    account_id: AccountId


IdentifierReservationEvent = IdentifierReserved

STORED_NAMES: dict[type[IdentifierReservationEvent], str] = {
    IdentifierReserved: "IdentifierReserved.v1",
}
