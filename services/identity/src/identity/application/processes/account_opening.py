"""An account opens once its login is its own; a clinician's account makes the clinician known."""

from collections.abc import Sequence

from identity.domain.account.commands import OpenAccount, RefuseAccount
from identity.domain.account.events import AccountOpened, AccountRefused, AccountRequested
from identity.domain.clinician.commands import RegisterClinician
from identity.domain.identifier_reservation.commands import ReserveIdentifier
from identity.domain.identifier_reservation.errors import LoginTaken
from identity.domain.identifier_reservation.events import IdentifierReserved
from identity.domain.people import LoginKind
from messaging import Cause, Dispatch, Process

__all__ = ["PROCESS"]


def on_account_requested(event: AccountRequested, _cause: Cause) -> Sequence[Dispatch]:
    account_id = event.details.account_id
    refuse = Dispatch(to="accounts", key=account_id, command=RefuseAccount())
    return [
        Dispatch(
            to="identifiers",
            key=event.details.login.key,
            command=ReserveIdentifier(account_id=account_id),
            otherwise={LoginTaken: lambda _rejection: [refuse]},
        )
    ]


def on_identifier_reserved(event: IdentifierReserved, _cause: Cause) -> Sequence[Dispatch]:
    return [Dispatch(to="accounts", key=event.account_id, command=OpenAccount())]


def on_account_opened(event: AccountOpened, _cause: Cause) -> Sequence[Dispatch]:
    details = event.details
    if details.clinician is None:
        return []
    return [
        Dispatch(
            to="clinicians",
            key=details.clinician.clinician_id,
            command=RegisterClinician(
                details=details.clinician,
                account_id=details.account_id,
                language=details.language,
                email=details.login.value if details.login.kind is LoginKind.EMAIL else None,
            ),
        )
    ]


PROCESS = Process(
    name="account_opening",
    reactions={
        AccountRequested: on_account_requested,
        IdentifierReserved: on_identifier_reserved,
        AccountOpened: on_account_opened,
    },
    starts={AccountRequested: lambda event: str(event.details.account_id)},
    ends={
        AccountOpened: lambda event: str(event.details.account_id),
        AccountRefused: lambda event: str(event.details.account_id),
    },
)
