"""What routes are handed."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Request

from booking.application import Booking
from booking.domain.policies import BookingPolicies
from policies import PolicyBook
from privacy.sealing import Sealers
from read_models import Queries
from service_kit.access import Caller
from service_kit.problems import Denied
from vocabulary.ids import ClinicianId, PatientId

__all__ = [
    "BookingDep",
    "CatchUpDep",
    "PoliciesDep",
    "QueriesDep",
    "SealersDep",
    "the_clinician",
    "the_patient",
]


async def booking_of(request: Request) -> Booking:
    booking: Booking = request.app.state.booking
    return booking


async def queries_of(request: Request) -> Queries:
    queries: Queries = request.app.state.queries
    return queries


async def policies_of(request: Request) -> PolicyBook[BookingPolicies]:
    policies: PolicyBook[BookingPolicies] = request.app.state.policies
    return policies


async def sealers_of(request: Request) -> Sealers:
    sealers: Sealers = request.app.state.sealers
    return sealers


async def catch_up_of(request: Request) -> Callable[[], Awaitable[object]]:
    """Waits, within a bound, until the views show all that is stored now."""
    catch_up: Callable[[], Awaitable[object]] = request.app.state.catch_up
    return catch_up


BookingDep = Annotated[Booking, Depends(booking_of)]
QueriesDep = Annotated[Queries, Depends(queries_of)]
PoliciesDep = Annotated[PolicyBook[BookingPolicies], Depends(policies_of)]
SealersDep = Annotated[Sealers, Depends(sealers_of)]
CatchUpDep = Annotated[Callable[[], Awaitable[object]], Depends(catch_up_of)]


def the_patient(caller: Caller) -> PatientId:
    """The patient who is asking; an account without a registration card has nothing here."""
    if caller.patient_id is None:
        raise Denied("NOT_YOURS")
    return caller.patient_id


def the_clinician(caller: Caller) -> ClinicianId:
    """The doctor who is asking."""
    if caller.clinician_id is None:
        raise Denied("NOT_YOURS")
    return caller.clinician_id
