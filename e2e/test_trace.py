"""One trace shows a booking, from the request of the client to the letter."""

import httpx

from embedded.settings import EmbeddedSettings
from journeys.suite import Suite
from journeys.trace import Booking, book, followed
from journeys.traces import Receiver, Span, tree

CARRIER = {"embedded": "postgresql", "kafka": "kafka"}
# From parent to child.
WAY = [
    ("gateway", "SERVER", "POST /api/v1/appointments"),
    ("gateway", "CLIENT", "POST /api/v1/appointments"),
    ("booking", "SERVER", "POST /api/v1/appointments"),
    ("booking", "INTERNAL", "TakeSlot"),
    ("booking", "INTERNAL", "react booking.reservation"),
    ("booking", "INTERNAL", "RequestAppointment"),
    ("booking", "INTERNAL", "react booking.reservation"),
    ("booking", "INTERNAL", "ReserveAppointment"),
    ("booking", "PRODUCER", "send booking.events"),
    ("notifications", "CONSUMER", "process booking.events"),
    ("notifications", "INTERNAL", "QueueMessage"),
    ("notifications", "INTERNAL", "react notifications.sending"),
    ("notifications", "CLIENT", "send letter"),
]
ASIDE = {
    ("booking", "INTERNAL", "TakeSlot"): ("append doctor-day", "project"),
    ("booking", "INTERNAL", "ReserveAppointment"): ("append appointment", "project"),
    ("notifications", "INTERNAL", "QueueMessage"): ("append message", "project"),
}


async def test_one_trace_shows_a_booking_from_the_request_to_the_letter(
    suite: Suite, http: httpx.AsyncClient, traces: Receiver
) -> None:
    booking = await book(suite, http)
    spans = list(await followed(traces, booking.trace))
    way = _way(spans, booking.client_span, WAY)
    assert way, tree(spans)
    for span in way:
        children = {child.name for child in spans if child.parent == span.id}
        assert children.issuperset(ASIDE.get(_what(span), ())), (span.name, children)
    assert [span for span in spans if span.failed] == []
    assert {span.trace for span in traces.spans} == {booking.trace}, "nobody asked for others"
    _check_conventions(spans, way)
    _check_nothing_personal(spans, booking)


def _check_conventions(spans: list[Span], way: list[Span]) -> None:
    by_what = {_what(span): span.attributes for span in way}
    server = by_what["booking", "SERVER", "POST /api/v1/appointments"]
    assert {
        "http.request.method": "POST",
        "http.route": "/api/v1/appointments",
        "http.response.status_code": 201,
        "url.scheme": "http",
        "server.address": "127.0.0.1",
    }.items() <= server.items()
    sent = by_what["booking", "PRODUCER", "send booking.events"]
    taken = by_what["notifications", "CONSUMER", "process booking.events"]
    for message, operation in ((sent, "send"), (taken, "process")):
        assert {
            "messaging.system": CARRIER[EmbeddedSettings().profile],
            "messaging.operation.type": operation,
            "messaging.operation.name": operation,
            "messaging.destination.name": "booking.events",
            "kabinet.event.type": "AppointmentReserved.v1",
        }.items() <= message.items()
    for same in ("messaging.message.id", "messaging.destination.partition.id"):
        assert sent[same] == taken[same]
    assert taken["messaging.consumer.group.name"] == "notifications"
    append = next(span.attributes for span in spans if span.name == "append doctor-day")
    assert (append["db.system.name"], append["db.operation.name"]) == ("postgresql", "append")
    letter = by_what["notifications", "CLIENT", "send letter"]
    assert letter["network.protocol.name"] == "smtp"
    for span in spans:
        assert span.resource["service.version"] == "0.1.0"
        assert span.resource["deployment.environment.name"] == "journeys"
    processes = {(span.service, span.resource["service.instance.id"]) for span in spans}
    assert len(processes) == len({span.service for span in spans}), "one process each"


def _check_nothing_personal(spans: list[Span], booking: Booking) -> None:
    said = " ".join(f"{span.name} {span.attributes}" for span in spans)
    person = booking.patient.person
    for secret in (
        booking.patient.mailbox.address,
        str(person.patient_id),
        booking.appointment_id,
        person.account["account_id"],
        "Иванова",
    ):
        assert str(secret) not in said


def _way(spans: list[Span], parent: str, wanted: list[tuple[str, str, str]]) -> list[Span]:
    """The spans of a way from parent to child, none when there is no such way."""
    first, *rest = wanted
    for span in spans:
        if span.parent == parent and _what(span) == first:
            if not rest:
                return [span]
            further = _way(spans, span.id, rest)
            if further:
                return [span, *further]
    return []


def _what(span: Span) -> tuple[str, str, str]:
    return span.service, span.kind, span.name
