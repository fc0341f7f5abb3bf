"""The trace of one booking: a suite that sends its spans here, a patient who books, and the tree of spans."""

import asyncio
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

import httpx

from embedded.suite import SERVICES
from journeys.clinic import open_clinic, pay_to_enter
from journeys.suite import Suite, free_ports, launch, stop
from journeys.traces import Receiver, Span, receiving, tree
from journeys.visit import DAY, Patient, free_slots, register, reserve

__all__ = ["Booking", "book", "followed", "sending_to", "show"]

_LETTER = "send letter"
_QUIET_SECONDS = 2.5  # spans leave a process every second


@dataclass(frozen=True, slots=True)
class Booking:
    """A booking whose client named the trace."""

    appointment_id: str
    trace: str
    client_span: str
    patient: Patient


def sending_to(receiver: Receiver) -> Mapping[str, str]:
    """Settings of a suite: spans of those traces come here that a client asks for, and of no others."""
    return {
        **{f"{name.upper()}_OTLP_ENDPOINT": receiver.url for name in SERVICES},
        **{f"{name.upper()}_TRACE_RATIO": "0" for name in SERVICES},
        "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=journeys",
    }


async def book(suite: Suite, http: httpx.AsyncClient) -> Booking:
    """A patient books a visit that is paid later, so that the letter follows at once, and has the letter."""
    clinic = await open_clinic(suite, http)
    await pay_to_enter(clinic)
    patient = await register(suite, http)
    slots = await free_slots(patient.person, clinic, suite.now() + DAY)
    trace, span = token_hex(16), token_hex(8)
    http.headers["traceparent"] = f"00-{trace}-{span}-01"
    try:
        held = await reserve(patient, clinic, slots[0]["starts_at"])
    finally:
        del http.headers["traceparent"]
    await patient.mailbox.letter("приём")
    return Booking(held["appointment_id"], trace, span, patient)


async def followed(receiver: Receiver, trace: str, *, seconds: float = 20.0) -> Sequence[Span]:
    """All spans of a trace: its letter was sent, and nothing has come for a while. Raises AssertionError."""
    patience = time.monotonic() + seconds
    seen = 0
    while time.monotonic() < patience:
        await asyncio.sleep(_QUIET_SECONDS)
        spans = receiver.of(trace)
        if len(spans) == seen and any(span.name == _LETTER for span in spans):
            return spans
        seen = len(spans)
    raise AssertionError(f"the trace is not whole:\n{tree(receiver.of(trace))}")


async def show() -> str:
    """Start, book, stop; the tree of the booking's trace."""
    with tempfile.TemporaryDirectory(prefix="kabinet-trace-") as folder, receiving() as receiver:
        data = Path(folder)
        suite, supervisor = await launch(data, sending_to(receiver), port=free_ports())
        try:
            async with httpx.AsyncClient(base_url=suite.url("gateway"), timeout=30) as http:
                booking = await book(suite, http)
            return tree(await followed(receiver, booking.trace))
        finally:
            await stop(data)
            await supervisor.wait()
