"""The demo: a patient books, pays, meets a doctor and receives a signed conclusion, through the public API."""

import asyncio
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import httpx
from rich.console import Console

from journeys.clinic import open_clinic
from journeys.conclusion import download, published, write_and_attach
from journeys.consultation import find_consultation, meet
from journeys.outside import pay
from journeys.suite import Suite, elsewhere, find, start, utc
from journeys.visit import DAY, free_slots, register, reserve, start_payment

__all__ = ["demo"]

console = Console(highlight=False, soft_wrap=True)


@contextmanager
def step(what: str) -> Iterator[None]:
    """A line that says what is going on, and then how long it took."""
    began = time.monotonic()
    if console.is_terminal:
        console.print(f"  … {what}", end="\r")
    yield
    console.print(f"  [green]✓[/] {what} [dim]{time.monotonic() - began:.1f} s[/]")


async def demo(data: Path, port: int | None, addresses: Path | None = None) -> None:
    """Run the journey against the suite at these addresses, or the one on `data`; start that when it does not run."""
    suite = elsewhere(addresses, data) if addresses else find(data)
    if suite is None:
        with step("start PostgreSQL, six services, gateway, ops and the sandbox twins"):
            suite = await start(data, port=port)
    began = time.monotonic()
    async with httpx.AsyncClient(base_url=suite.url("gateway"), timeout=30) as http:
        appointment_id, pdf = await journey(suite, http)
    console.print(f"\n[bold]The journey took {time.monotonic() - began:.0f} s.[/] Its story:\n")
    sys.stdout.flush()
    console.print(await suite.kabinet("timeline", "--appointment", appointment_id), markup=False)
    console.print(
        f"signed conclusion    {pdf}\n"
        f"letters and SMS      {suite.url('mail')}\n"
        f"payments             {suite.url('acquirer')}\n"
        f"public API           {suite.url('gateway')}/docs\n"
        f"the story again      {' '.join(suite.command)} timeline --appointment {appointment_id}"
    )
    if not suite.elsewhere:
        console.print(f"the suite goes on running; stop it with: make stop DATA={data}")


async def journey(suite: Suite, http: httpx.AsyncClient) -> tuple[str, Path]:
    """The steps; answers the appointment and where the signed PDF was put."""
    with step("the clinic opens: branch, administrator, doctor, price, schedule"):
        clinic = await open_clinic(suite, http)
    with step("a patient registers by e-mail and a code, and signs in"):
        patient = await register(suite, http)
    with step("finds the doctor and a free time tomorrow"):
        slots = await free_slots(patient.person, clinic, suite.now() + DAY)
        slot = next(slot for slot in slots if "ONLINE" in slot["kinds"])
    with step(f"reserves {slot['text']}: the slot is held, an invoice is issued"):
        held = await reserve(patient, clinic, slot["starts_at"])
        appointment_id = held["appointment_id"]
        payment = await start_payment(patient, appointment_id, suite)
    with step("pays at the bank's page: the appointment is reserved"):
        await pay(http, payment["confirmation_url"])
        await patient.person.until(
            f"/api/v1/appointments/{appointment_id}", "reserved", status="RESERVED"
        )
    with step("receives the letter with the calendar entry"):
        await patient.mailbox.letter("приём")
        consultation_id = (await find_consultation(patient.person, appointment_id))[
            "consultation_id"
        ]
    with step("the clock of the suite moves to ten minutes before the visit"):
        await suite.forward_to(utc(slot["starts_at"]) - timedelta(minutes=10))
        await asyncio.gather(patient.person.sign_in(), clinic.doctor.sign_in())
    with step("patient and doctor meet in the consultation room and talk both ways"):
        await meet(suite.url("gateway"), patient.person, clinic.doctor, consultation_id)
    with step("the doctor fills in the conclusion, looks at it and attaches it"):
        await write_and_attach(clinic.doctor, consultation_id)
    with step("it is signed with the doctor's certificate and published"):
        await published(clinic.doctor, consultation_id)
    with step("the patient downloads the signed document"):
        card, content = await download(patient.person)
        pdf = suite.data / "demo" / f"conclusion-{card['conclusion_id']}.pdf"
        await asyncio.to_thread(_write, pdf, content)
    with step("and is told by letter"):
        await patient.mailbox.letter("заключени")
    return appointment_id, pdf


def _write(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
