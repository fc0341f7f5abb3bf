"""What is remembered of a login: whose it is."""

from dataclasses import dataclass

from identity.domain.identifier_reservation.events import IdentifierReservationEvent
from vocabulary.ids import AccountId

__all__ = ["IdentifierReservation", "evolve"]


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentifierReservation:
    account_id: AccountId | None = None


def evolve(
    _state: IdentifierReservation, event: IdentifierReservationEvent
) -> IdentifierReservation:
    return IdentifierReservation(account_id=event.account_id)
