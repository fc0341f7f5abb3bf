"""A registration that nobody finishes ends."""

from identity.domain.registration_attempt.commands import ExpireRegistration
from identity.domain.registration_attempt.events import (
    RegistrationClosed,
    RegistrationConfirmed,
    RegistrationStarted,
)
from messaging import Dispatch
from timers import Deadline, Due

__all__ = ["DEADLINE"]

DEADLINE = Deadline(
    name="registration_expiry",
    sets={
        RegistrationStarted: lambda event, fact: Due(
            key=fact.stream_key, at=event.details.closes_at
        )
    },
    cancels={
        RegistrationConfirmed: lambda event, fact: fact.stream_key,
        RegistrationClosed: lambda event, fact: fact.stream_key,
    },
    fire=lambda elapsed: Dispatch(
        to="registrations", key=elapsed.key, command=ExpireRegistration(now=elapsed.now)
    ),
)
