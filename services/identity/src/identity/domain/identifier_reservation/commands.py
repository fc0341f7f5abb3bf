"""Wishes about a login."""

from dataclasses import dataclass

from vocabulary.ids import AccountId

__all__ = ["IdentifierReservationCommand", "ReserveIdentifier"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReserveIdentifier:
    account_id: AccountId


IdentifierReservationCommand = ReserveIdentifier
