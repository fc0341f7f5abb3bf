"""The stories that chaos interrupts: what a patient does, how it has to end, and what people have to be told of it.

A story has two halves: the second begins when the holds have run out. Each step is repeated as it is until it is
answered, so that a story ends in one of its own ways whatever is killed meanwhile.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from websockets.exceptions import WebSocketException

from journeys.clinic import Clinic
from journeys.conclusion import download, published, write_and_attach
from journeys.consultation import find_consultation, join
from journeys.outside import decline, pay
from journeys.person import Person, Refused
from journeys.suite import Suite
from journeys.visit import Patient, cancel, move, reserve, start_payment
from service_kit.ids import new_id

__all__ = ["STORIES", "Half", "Setting", "Story", "Telling", "Told"]

PATIENT, DOCTOR = "patient", "doctor"
Told = tuple[str, str]
"""A type of message, and to whom."""


@dataclass(slots=True, kw_only=True)
class Telling:
    """One journey: who, where, when, and what has become of it. `outcome` stays empty until that is known."""

    number: int
    kind: str
    clinic: Clinic
    starts_at: str
    other_at: str = ""
    appointment_id: str = ""
    payment_url: str = ""
    payment_id: str = ""
    outcome: str = ""
    trouble: str = ""
    texts: tuple[str, ...] = ()
    consultation_id: str = ""


@dataclass(frozen=True, slots=True)
class Setting:
    """A telling with its patient and the suite."""

    suite: Suite
    patient: Patient
    tale: Telling

    @property
    def person(self) -> Person:
        return self.patient.person

    @property
    def at(self) -> str:
        return f"/api/v1/appointments/{self.tale.appointment_id}"

    async def until(self, **wanted: Any) -> Any:
        """The appointment reaches a state."""
        return await self.person.until(self.at, f"journey {self.tale.number}", **wanted)

    async def hold(self) -> None:
        held = await reserve(self.patient, self.tale.clinic, self.tale.starts_at)
        self.tale.appointment_id = held["appointment_id"]

    async def open_page(self) -> None:
        payment = await start_payment(self.patient, self.tale.appointment_id, self.suite)
        self.tale.payment_id = payment["payment_id"]
        self.tale.payment_url = payment["confirmation_url"]

    async def pay(self) -> None:
        await pay(self.person.http, self.tale.payment_url, self.person.patience_seconds)
        await self.until(status="RESERVED", payment_status="PAID")

    async def payment_reaches(self, status: str) -> None:
        at = f"/api/v1/payments/{self.tale.payment_id}"
        await self.person.until(at, f"payment of journey {self.tale.number}", status=status)


Half = Callable[[Setting], Awaitable[str]]
"""Answers the outcome."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """`share`: of 20. `ends`: what may become of it, and which messages belong to each end.

    A reminder comes a day before to everybody who still has an appointment then.
    """

    share: int
    first: Half
    second: Half
    ends: Mapping[str, Sequence[Told]]


_PAID: Sequence[Told] = (("PAYMENT_SUCCEEDED", PATIENT), ("APPOINTMENT_RESERVED", PATIENT))
_KEPT: Sequence[Told] = (*_PAID, ("REMINDER", PATIENT))
_LAPSED: Sequence[Told] = (("HOLD_EXPIRED", PATIENT),)
_DECLINED: Sequence[Told] = (("PAYMENT_FAILED", PATIENT),)


async def book_and_pay(setting: Setting) -> str:
    await setting.hold()
    await setting.open_page()
    await setting.pay()
    return "reserved"


async def is_still_reserved(setting: Setting) -> str:
    await setting.until(status="RESERVED", payment_status="PAID", starts_at=setting.tale.starts_at)
    return "reserved"


async def consult(setting: Setting) -> str:
    await book_and_pay(setting)
    tale, gateway = setting.tale, setting.suite.url("gateway")
    patient, doctor = setting.person, tale.clinic.doctor
    tale.consultation_id = (await find_consultation(patient, tale.appointment_id))[
        "consultation_id"
    ]
    room = f"/api/v1/consultations/{tale.consultation_id}"
    tale.texts = (f"Здравствуйте, {tale.number}", f"Добрый день, {tale.number}")
    await patient.post(f"{room}/connection")
    await _say(gateway, patient, tale.consultation_id, tale.texts[0])
    await doctor.post(f"{room}/taking")
    await _say(gateway, doctor, tale.consultation_id, tale.texts[1])
    await doctor.post(f"{room}/completion")
    await write_and_attach(doctor, tale.consultation_id)
    return "completed"


async def is_concluded(setting: Setting) -> str:
    tale = setting.tale
    await published(tale.clinic.doctor, tale.consultation_id)
    _, document = await download(setting.person, tale.consultation_id)
    assert document.startswith(b"%PDF"), "the document is no PDF"
    await setting.until(status="COMPLETED", payment_status="PAID")
    heard = await setting.person.get(
        f"/api/v1/consultations/{tale.consultation_id}/messages", limit=100
    )
    said = [message["text"] for message in heard["items"] if message["text"] in tale.texts]
    assert said == list(tale.texts), f"the chat keeps {said} of {tale.texts}"
    return "completed"


async def change_ones_mind(setting: Setting) -> str:
    await book_and_pay(setting)
    answer = await cancel(setting.person, setting.tale.appointment_id)
    assert answer["refund_eligible"], "cancelled in time, and not refunded"
    return "cancelled, refunded"


async def is_refunded(setting: Setting) -> str:
    await setting.until(status="CANCELLED")
    await setting.payment_reaches("REFUNDED")
    return "cancelled, refunded"


async def be_declined(setting: Setting) -> str:
    await setting.hold()
    await setting.open_page()
    tale, person = setting.tale, setting.person
    await decline(person.http, tale.payment_url, "insufficient_funds", person.patience_seconds)
    await setting.payment_reaches("FAILED")
    return "hold expired"


async def try_again(setting: Setting) -> str:
    await be_declined(setting)
    await setting.open_page()
    await setting.pay()
    return "reserved"


async def only_hold(setting: Setting) -> str:
    await setting.hold()
    return "hold expired"


async def has_lapsed(setting: Setting) -> str:
    await setting.until(status="CANCELLED", cancel_reason="HOLD_EXPIRED", payment_status="UNPAID")
    return "hold expired"


async def dawdle(setting: Setting) -> str:
    await setting.hold()
    await setting.open_page()
    return "hold expired"


async def pay_too_late(setting: Setting) -> str:
    """Nobody has taken the slot meanwhile, so it is booked again (BKG-30)."""
    await has_lapsed(setting)
    await setting.pay()
    return "reserved late"


async def compete(setting: Setting) -> str:
    try:
        return await book_and_pay(setting)
    except Refused as refused:
        if refused.code != "SLOT_TAKEN":
            raise
        return "refused: SLOT_TAKEN"


async def won_or_lost(setting: Setting) -> str:
    lost = setting.tale.outcome.startswith("refused")
    return setting.tale.outcome if lost else await is_still_reserved(setting)


async def be_moved(setting: Setting) -> str:
    await book_and_pay(setting)
    await move(setting.person, setting.tale.appointment_id, setting.tale.other_at)
    await setting.until(status="RESERVED", moves=1, starts_at=setting.tale.other_at)
    return "moved"


async def is_moved(setting: Setting) -> str:
    tale = setting.tale
    await setting.until(status="RESERVED", payment_status="PAID", starts_at=tale.other_at)
    return "moved"


STORIES: Mapping[str, Story] = {
    "pays": Story(share=5, first=book_and_pay, second=is_still_reserved, ends={"reserved": _KEPT}),
    "consults": Story(
        share=2,
        first=consult,
        second=is_concluded,
        # Within a day: no reminder is left to be given.
        ends={"completed": (*_PAID, ("CONCLUSION_READY", PATIENT))},
    ),
    "cancels": Story(
        share=3,
        first=change_ones_mind,
        second=is_refunded,
        ends={
            "cancelled, refunded": (
                *_PAID,
                ("APPOINTMENT_CANCELLED", PATIENT),
                ("APPOINTMENT_CANCELLED", DOCTOR),
                ("REFUND_SUCCEEDED", PATIENT),
            )
        },
    ),
    "is declined": Story(
        share=1,
        first=be_declined,
        second=has_lapsed,
        ends={"hold expired": (*_DECLINED, *_LAPSED)},
    ),
    "pays at the second try": Story(
        share=1,
        first=try_again,
        second=is_still_reserved,
        ends={"reserved": (*_DECLINED, *_KEPT)},
    ),
    "leaves": Story(share=2, first=only_hold, second=has_lapsed, ends={"hold expired": _LAPSED}),
    "pays too late": Story(
        share=1, first=dawdle, second=pay_too_late, ends={"reserved late": (*_LAPSED, *_KEPT)}
    ),
    "competes": Story(
        share=3,
        first=compete,
        second=won_or_lost,
        ends={"reserved": _KEPT, "refused: SLOT_TAKEN": ()},
    ),
    "moves": Story(
        share=2,
        first=be_moved,
        second=is_moved,
        ends={
            "moved": (
                *_KEPT,
                ("APPOINTMENT_RESCHEDULED", PATIENT),
                ("APPOINTMENT_RESCHEDULED", DOCTOR),
            )
        },
    ),
}


async def _say(gateway: str, person: Person, consultation_id: str, text: str) -> None:
    """Said once, however often the channel breaks: the history shows whether it was taken in."""
    client_message_id = new_id()
    patience = time.monotonic() + person.patience_seconds
    while True:
        try:
            async with join(gateway, person, consultation_id) as talk:
                if all(message.get("text") != text for message in talk.messages):
                    await talk.say(text, client_message_id=client_message_id)
                return
        except (OSError, TimeoutError, WebSocketException):
            if time.monotonic() > patience:
                raise
        await asyncio.sleep(0.2)
