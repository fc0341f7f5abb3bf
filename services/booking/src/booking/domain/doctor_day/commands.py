"""Wishes about a doctor's day."""

from dataclasses import dataclass
from datetime import datetime

from booking.domain.details import AppointmentDetails
from booking.domain.doctor_day.events import Slot
from vocabulary.ids import AppointmentId, InvoiceId, TemplateId

__all__ = [
    "BookSlot",
    "DoctorDayCommand",
    "ExpireHold",
    "FreeSlot",
    "HoldSlot",
    "OpenSlots",
    "TakeSlot",
    "WithdrawSlots",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSlots:
    template_id: TemplateId
    slots: tuple[Slot, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawSlots:
    template_id: TemplateId


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldSlot:
    """Keep the time while the patient pays (BKG-29), until `expires_at` or its start, whichever comes first."""

    details: AppointmentDetails
    expires_at: datetime
    now: datetime
    booking_limit: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeSlot:
    """Book at once: nothing has to be paid before (`move` is 0), or an appointment moves here."""

    details: AppointmentDetails
    now: datetime
    move: int = 0
    booking_limit: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BookSlot:
    """The payment arrived: book what was held, also when the hold has just expired (BKG-30)."""

    appointment_id: AppointmentId
    starts_at: datetime
    invoice_id: InvoiceId
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpireHold:
    appointment_id: AppointmentId
    starts_at: datetime
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FreeSlot:
    """Give up a hold or a booking, unless a move later than `up_to_move` claimed the time again."""

    appointment_id: AppointmentId
    starts_at: datetime
    up_to_move: int | None = None


DoctorDayCommand = (
    OpenSlots | WithdrawSlots | HoldSlot | TakeSlot | BookSlot | ExpireHold | FreeSlot
)
