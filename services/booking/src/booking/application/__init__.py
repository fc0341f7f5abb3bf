"""The service as its entry points see it: one handler per kind of stream."""

from dataclasses import dataclass
from typing import TypeAlias

from booking.domain.appointment.commands import AppointmentCommand
from booking.domain.appointment.events import AppointmentEvent
from booking.domain.appointment.state import Appointment
from booking.domain.branch.commands import BranchCommand
from booking.domain.branch.events import BranchEvent
from booking.domain.branch.state import Branch
from booking.domain.doctor_day.commands import DoctorDayCommand
from booking.domain.doctor_day.events import DoctorDayEvent
from booking.domain.doctor_day.state import DoctorDay
from booking.domain.doctor_listing.commands import DoctorListingCommand
from booking.domain.doctor_listing.events import DoctorListingEvent
from booking.domain.doctor_listing.state import DoctorListing
from booking.domain.patient_booking_quota.commands import PatientBookingQuotaCommand
from booking.domain.patient_booking_quota.events import PatientBookingQuotaEvent
from booking.domain.patient_booking_quota.state import PatientBookingQuota
from booking.domain.patient_standing.commands import PatientStandingCommand
from booking.domain.patient_standing.events import PatientStandingEvent
from booking.domain.patient_standing.state import PatientStanding
from booking.domain.schedule_template.commands import ScheduleTemplateCommand
from booking.domain.schedule_template.events import ScheduleTemplateEvent
from booking.domain.schedule_template.state import Schedule
from booking.domain.service_price.commands import ServicePriceCommand
from booking.domain.service_price.events import ServicePriceEvent
from booking.domain.service_price.state import ServicePrice
from event_store import CommandHandler

__all__ = ["Appointments", "Booking", "DoctorDays", "ScheduleTemplates"]

Appointments: TypeAlias = CommandHandler[AppointmentCommand, Appointment, AppointmentEvent]
DoctorDays: TypeAlias = CommandHandler[DoctorDayCommand, DoctorDay, DoctorDayEvent]
ScheduleTemplates: TypeAlias = CommandHandler[
    ScheduleTemplateCommand, Schedule, ScheduleTemplateEvent
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """What can be done here. In brackets the key of each stream."""

    doctor_days: DoctorDays
    """(doctor and local date) Who has which of the doctor's time."""
    appointments: Appointments
    """(appointment) From a held slot to its end."""
    schedule_templates: ScheduleTemplates
    """(doctor) When the doctor works."""
    doctor_listings: CommandHandler[DoctorListingCommand, DoctorListing, DoctorListingEvent]
    """(doctor) How the doctor appears in the directory."""
    quotas: CommandHandler[
        PatientBookingQuotaCommand, PatientBookingQuota, PatientBookingQuotaEvent
    ]
    """(patient) How many bookings the patient has with each doctor."""
    patient_standings: CommandHandler[PatientStandingCommand, PatientStanding, PatientStandingEvent]
    """(patient) Own copy of identity's facts."""
    branches: CommandHandler[BranchCommand, Branch, BranchEvent]
    """(branch) Own copy of identity's facts."""
    service_prices: CommandHandler[ServicePriceCommand, ServicePrice, ServicePriceEvent]
    """(service) Own copy of billing's facts."""
