"""The rule of a login: first come, first served."""

from collections.abc import Sequence

from decider import Decider
from identity.domain.identifier_reservation.commands import IdentifierReservationCommand
from identity.domain.identifier_reservation.errors import LoginTaken
from identity.domain.identifier_reservation.events import (
    IdentifierReservationEvent,
    IdentifierReserved,
)
from identity.domain.identifier_reservation.state import IdentifierReservation, evolve

__all__ = ["IDENTIFIER_RESERVATION", "decide"]


def decide(
    command: IdentifierReservationCommand, state: IdentifierReservation
) -> Sequence[IdentifierReservationEvent]:
    if state.account_id == command.account_id:
        return []
    if state.account_id is not None:
        raise LoginTaken
    return [IdentifierReserved(account_id=command.account_id)]


IDENTIFIER_RESERVATION: Decider[
    IdentifierReservationCommand, IdentifierReservation, IdentifierReservationEvent
] = Decider(initial=IdentifierReservation(), decide=decide, evolve=evolve)
