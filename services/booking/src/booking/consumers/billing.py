"""What billing tells: prices and payments."""

from collections.abc import Sequence

from booking.domain.appointment.commands import RecordPayment
from booking.domain.details import AppointmentKind
from booking.domain.service_price.commands import RecordServicePrice, WithdrawServicePrice
from booking.domain.service_price.events import ServicePriceRecorded, ServiceScope
from contracts.billing import InvoicePaid, PricePublished, PriceWithdrawn
from contracts.fact import PublicEvent
from messaging import Cause, Dispatch, Reaction
from vocabulary.ids import AppointmentId, BranchId, ClinicianId, InvoiceId, ServiceId
from vocabulary.money import Money

__all__ = ["HANDLERS"]


def on_price_published(event: PricePublished, _cause: Cause) -> Sequence[Dispatch]:
    price = ServicePriceRecorded(
        service_id=ServiceId(event.service_id),
        branch_id=BranchId(event.branch_id),
        department=event.department,
        name=event.name,
        price=Money(kopecks=event.price_kopecks),
        scope=ServiceScope(
            clinician_ids=tuple(ClinicianId(each) for each in event.clinician_ids),
            specialties=event.specialties,
            kinds=tuple(AppointmentKind(each) for each in event.kinds),
        ),
    )
    command = RecordServicePrice(price=price)
    return [Dispatch(to="service_prices", key=event.service_id, command=command)]


def on_price_withdrawn(event: PriceWithdrawn, _cause: Cause) -> Sequence[Dispatch]:
    command = WithdrawServicePrice(service_id=ServiceId(event.service_id))
    return [Dispatch(to="service_prices", key=event.service_id, command=command)]


def on_invoice_paid(event: InvoicePaid, _cause: Cause) -> Sequence[Dispatch]:
    command = RecordPayment(
        appointment_id=AppointmentId(event.appointment_id), invoice_id=InvoiceId(event.invoice_id)
    )
    return [Dispatch(to="appointments", key=event.appointment_id, command=command)]


HANDLERS: dict[type[PublicEvent], Reaction] = {
    PricePublished: on_price_published,
    PriceWithdrawn: on_price_withdrawn,
    InvoicePaid: on_invoice_paid,
}
