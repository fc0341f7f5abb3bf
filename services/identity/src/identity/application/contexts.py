"""How the commands of one request go to their handlers."""

from uuid import UUID

import msgspec

from event_store import CommandContext
from identity.domain.account.state import Open
from service_kit.ids import command_id

__all__ = ["about", "as_account", "person_of", "step"]


def about(context: CommandContext, subject: UUID) -> CommandContext:
    """The same command, about a person whose id follows from the command's own."""
    metadata = msgspec.structs.replace(context.metadata, subject=str(subject))
    return msgspec.structs.replace(context, metadata=metadata)


def step(context: CommandContext, name: str) -> CommandContext:
    """Another command of the same request, for another stream."""
    metadata = context.metadata
    derived = command_id(metadata.tenant, str(context.command_id), name)
    return CommandContext(command_id=derived, metadata=metadata)


def person_of(account: Open) -> UUID:
    """Whom what is done with an account is about: the patient, or a member of the staff."""
    return account.details.patient_id or account.details.account_id


def as_account(context: CommandContext, account: Open) -> CommandContext:
    """The same command as an act of the person who has just proved to be the owner of an account."""
    details = account.details
    metadata = msgspec.structs.replace(
        context.metadata,
        actor=f"account:{details.account_id}",
        role=str(details.roles[0]),
        subject=str(person_of(account)),
    )
    return msgspec.structs.replace(context, metadata=metadata)
