"""What routes are handed."""

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

__all__ = ["BookingDep", "PoliciesDep", "QueriesDep", "SealersDep", "the_clinician", "the_patient"]


def booking_of(request: Request) -> Booking:
    booking: Booking = request.app.state.booking
    return booking


def queries_of(request: Request) -> Queries:
    queries: Queries = request.app.state.queries
    return queries


def policies_of(request: Request) -> PolicyBook[BookingPolicies]:
    policies: PolicyBook[BookingPolicies] = request.app.state.policies
    return policies


def sealers_of(request: Request) -> Sealers:
    sealers: Sealers = request.app.state.sealers
    return sealers


BookingDep = Annotated[Booking, Depends(booking_of)]
QueriesDep = Annotated[Queries, Depends(queries_of)]
PoliciesDep = Annotated[PolicyBook[BookingPolicies], Depends(policies_of)]
SealersDep = Annotated[Sealers, Depends(sealers_of)]


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
