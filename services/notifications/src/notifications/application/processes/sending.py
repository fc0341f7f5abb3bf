"""A queued message goes out over its channels, in their order, until one takes it (NTF-01, NTF-27).

That a channel is asked is recorded before it is asked. Whoever finds such a record without an outcome comes after a
crash or a lost answer, and asks the channel whether it has the message before giving it again; where the channel
cannot tell, the message goes again with the same Message-ID.

No more messages are taken up than are given side by side, and one that a slow server does not take steps aside, so that
others wait no longer than one letter may last.
"""

from messaging import Cause, Process, Terms
from notifications.application import Notifications
from notifications.application.ports import Outgoing, Refused
from notifications.application.wording import language_of
from notifications.domain.message.commands import (
    DropExpired,
    MessageCommand,
    RecordRefusal,
    RecordSent,
    StartSending,
)
from notifications.domain.message.events import (
    MessageDetails,
    MessageFailed,
    MessageQueued,
    MessageSent,
    MessageSuppressed,
)
from notifications.domain.message.state import Message, Queued
from notifications.domain.message_types import Channel
from privacy.errors import SubjectErased
from vocabulary.ids import TenantId

__all__ = ["SENDING"]


async def on_message_queued(event: MessageQueued, cause: Cause, app: Notifications) -> None:
    details = event.details
    state, _ = await app.messages.load(tenant=cause.tenant, key=details.message_id)
    while isinstance(state, Queued):
        state = await _try_next(state, cause, app)


async def _try_next(state: Queued, cause: Cause, app: Notifications) -> Message:
    details, channel = state.details, state.channels[0]

    async def record(command: MessageCommand) -> Message:
        """The channel is part of the command's id: the next one is started, sent or refused on its own."""
        context = cause.command(f"{type(command).__name__}.{channel}")
        handled = await app.messages.handle(command, key=details.message_id, context=context)
        return handled.state

    if state.started and await _was_accepted(details, channel, cause, app):
        return await record(RecordSent(channel=channel, now=cause.now))
    useful = await record(DropExpired(now=cause.now))
    if not isinstance(useful, Queued):
        return useful
    await record(StartSending(channel=channel, now=cause.now))
    refused = await _send(details, channel, cause, app)
    if refused:
        return await record(RecordRefusal(channel=channel, reason=refused.reason))
    return await record(RecordSent(channel=channel, now=cause.now))


async def _was_accepted(
    details: MessageDetails, channel: Channel, cause: Cause, app: Notifications
) -> bool:
    tenant = TenantId(cause.tenant)
    return await app.carriers[channel].was_accepted(tenant, details.message_id)


async def _send(
    details: MessageDetails, channel: Channel, cause: Cause, app: Notifications
) -> Refused | None:
    """Values are opened here and nowhere else; what belongs to an erased person can never be sent."""
    sealer = app.sealers.of(TenantId(cause.tenant))
    try:
        address, *secrets = await sealer.open_all(
            [details.addresses[channel], *details.sealed.values()]
        )
    except SubjectErased:
        return Refused("SUBJECT_ERASED")
    words = app.wording.words(
        details.message_type,
        language_of(details.language),
        details.facts,
        dict(zip(details.sealed, secrets, strict=True)),
        details.appointment_id,
    )
    outgoing = Outgoing(
        tenant=TenantId(cause.tenant),
        message_id=details.message_id,
        address=address,
        words=words,
    )
    return await app.carriers[channel].send(outgoing)


SENDING = Process(
    name="sending",
    reactions={MessageQueued: on_message_queued},
    starts={MessageQueued: lambda event: str(event.details.message_id)},
    ends={
        MessageSuppressed: lambda event: str(event.details.message_id),
        MessageSent: lambda event: str(event.details.message_id),
        MessageFailed: lambda event: str(event.details.message_id),
    },
    terms=Terms(concurrency=64, batch=64),
)
