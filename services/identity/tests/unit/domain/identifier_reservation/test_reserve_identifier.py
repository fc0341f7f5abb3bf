"""A login belongs to one account of a tenant."""

from uuid import UUID

from decider.testing import Specification
from identity.domain.identifier_reservation.commands import ReserveIdentifier
from identity.domain.identifier_reservation.decider import IDENTIFIER_RESERVATION
from identity.domain.identifier_reservation.errors import LoginTaken
from identity.domain.identifier_reservation.events import IdentifierReserved
from vocabulary.ids import AccountId

login = Specification(IDENTIFIER_RESERVATION)
ANNA, BORIS = AccountId(UUID(int=1)), AccountId(UUID(int=2))
reserved = IdentifierReserved(account_id=ANNA)


def test_a_free_login_is_reserved() -> None:
    login.given().when(ReserveIdentifier(account_id=ANNA)).then(reserved)


def test_a_reserved_login_is_taken_for_everybody_else() -> None:
    login.given(reserved).when(ReserveIdentifier(account_id=BORIS)).then_rejected(LoginTaken)
