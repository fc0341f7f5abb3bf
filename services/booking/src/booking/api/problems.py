"""Which status each refusal answers with."""

from booking.domain.appointment.errors import (
    AppointmentAlreadyCancelled,
    AppointmentAlreadyCompleted,
    AppointmentAlreadyStarted,
    AppointmentNoShow,
    AppointmentNotBegun,
    AppointmentNotFound,
    EndsInItsRoom,
    NotReserved,
    PaidAppointmentNotCancellable,
    RescheduleInProgress,
    RescheduleTooLate,
)
from booking.domain.doctor_day.errors import (
    SlotInPast,
    SlotNotHeld,
    SlotNotOffered,
    SlotTaken,
    SlotUnavailable,
)
from booking.domain.doctor_listing.errors import DoctorNotFound
from booking.domain.patient_booking_quota.errors import UnconfirmedLimit
from booking.domain.schedule_template.errors import (
    CellOffGrid,
    CellOutsideHours,
    FirstAfterLast,
    LastAppointmentTooLate,
    TemplateActive,
    TemplateIncomplete,
    TemplateInvalid,
    TemplateNameMissing,
    TemplateNotFound,
    TemplatesOverlap,
    ValidityReversed,
)
from booking.domain.service_price.errors import ServiceNotForAppointment
from policies.api import POLICY_PROBLEMS
from service_kit.problems import ProblemTable

__all__ = ["PROBLEMS"]

PROBLEMS = ProblemTable(
    {
        SlotUnavailable: 409,
        SlotTaken: 409,
        SlotNotOffered: 409,
        SlotInPast: 409,
        SlotNotHeld: 409,
        UnconfirmedLimit: 403,
        DoctorNotFound: 404,
        ServiceNotForAppointment: 409,
        AppointmentNotFound: 404,
        AppointmentAlreadyCancelled: 409,
        AppointmentAlreadyCompleted: 409,
        AppointmentAlreadyStarted: 409,
        AppointmentNoShow: 409,
        AppointmentNotBegun: 409,
        EndsInItsRoom: 409,
        NotReserved: 409,
        PaidAppointmentNotCancellable: 409,
        RescheduleTooLate: 409,
        RescheduleInProgress: 409,
        TemplateNotFound: 404,
        TemplateActive: 409,
        TemplatesOverlap: 409,
        TemplateInvalid: 422,
        TemplateNameMissing: 422,
        TemplateIncomplete: 422,
        ValidityReversed: 422,
        FirstAfterLast: 422,
        LastAppointmentTooLate: 422,
        CellOffGrid: 422,
        CellOutsideHours: 422,
        **POLICY_PROBLEMS,
    }
)
