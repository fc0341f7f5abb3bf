"""Facts of a doctor's day. Their names and fields are stored for ever."""

from dataclasses import dataclass
from datetime import datetime

from booking.domain.details import AppointmentDetails, AppointmentKind
from vocabulary.ids import AppointmentId, InvoiceId, TemplateId

__all__ = [
    "STORED_NAMES",
    "DoctorDayEvent",
    "Slot",
    "SlotBooked",
    "SlotFreed",
    "SlotHeld",
    "SlotHoldExpired",
    "SlotHoldReleased",
    "SlotsOpened",
    "SlotsWithdrawn",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A bookable piece of time and the kinds of appointment that it can hold."""

    starts_at: datetime
    ends_at: datetime
    kinds: tuple[AppointmentKind, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotsOpened:
    """An active template offers these slots on this day; they replace what it offered before."""

    template_id: TemplateId
    slots: tuple[Slot, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotsWithdrawn:
    """A template offers nothing more on this day; what was booked stays booked."""

    template_id: TemplateId


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotHeld:
    """The time is kept for a patient who is paying, until `expires_at`.

    `booking_limit` is how many bookings with this doctor the patient may have; None: any number.
    """

    details: AppointmentDetails
    expires_at: datetime
    held_at: datetime
    booking_limit: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotBooked:
    """The time is the patient's.

    `invoice_id` when a payment booked it; `move` is which move of the appointment led here, 0 for its first time.
    """

    details: AppointmentDetails
    invoice_id: InvoiceId | None = None
    move: int = 0
    booking_limit: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotHoldExpired:
    """Nobody paid in time; a late payment may take the slot again while it is free."""

    details: AppointmentDetails


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotHoldReleased:
    """A hold was given up on purpose."""

    appointment_id: AppointmentId
    starts_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotFreed:
    """A booked time is free again: the appointment was cancelled, or moved away (`move` had led here)."""

    appointment_id: AppointmentId
    starts_at: datetime
    move: int = 0


DoctorDayEvent = (
    SlotsOpened
    | SlotsWithdrawn
    | SlotHeld
    | SlotBooked
    | SlotHoldExpired
    | SlotHoldReleased
    | SlotFreed
)

STORED_NAMES: dict[type[DoctorDayEvent], str] = {
    SlotsOpened: "SlotsOpened.v1",
    SlotsWithdrawn: "SlotsWithdrawn.v1",
    SlotHeld: "SlotHeld.v1",
    SlotBooked: "SlotBooked.v1",
    SlotHoldExpired: "SlotHoldExpired.v1",
    SlotHoldReleased: "SlotHoldReleased.v1",
    SlotFreed: "SlotFreed.v1",
}
