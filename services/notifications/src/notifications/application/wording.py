"""The words of a message, from its facts and the catalogues, in the language of its reader. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from notifications.domain.message_types import MESSAGE_TYPES, Channel, MessageType
from service_kit.texts import Language, Texts, moment, money
from vocabulary.ids import AppointmentId
from vocabulary.money import Money

__all__ = ["Meeting", "Wording", "Words", "language_of"]

_TRANSLATED: Final = ("refund", "by")


@dataclass(frozen=True, slots=True, kw_only=True)
class Meeting:
    """What a calendar is told; the summary names neither doctor nor specialty."""

    appointment_id: AppointmentId
    method: Literal["REQUEST", "CANCEL"]
    sequence: int
    starts_at: datetime
    ends_at: datetime
    summary: str
    place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What is read: a letter's subject, paragraphs and link, the text of an SMS where there is one."""

    clinic: str | None
    subject: str
    paragraphs: Sequence[str]
    link: str | None
    link_title: str
    sms: str | None
    meeting: Meeting | None


def language_of(text: str) -> Language:
    return "en" if text == "en" else "ru"


@dataclass(frozen=True, slots=True)
class Wording:
    """`cabinet_url` is where links in letters begin."""

    texts: Texts
    cabinet_url: str

    def words(
        self,
        message_type: MessageType,
        language: Language,
        facts: Mapping[str, str],
        secrets: Mapping[str, str],
        appointment_id: AppointmentId | None,
    ) -> Words:
        """The words to send; `secrets` are the opened sealed values."""
        shown = {**self._shown(facts, language), **secrets}
        texts, key = self.texts, f"messages.{message_type}"
        sms = Channel.SMS in MESSAGE_TYPES[message_type].channels
        return Words(
            clinic=facts.get("clinic"),
            subject=texts.render(f"{key}.subject", language, **shown),
            paragraphs=texts.render(f"{key}.body", language, **shown).split("\n\n"),
            link=self._link(facts, appointment_id),
            link_title=texts.render("link", language),
            sms=texts.render(f"{key}.sms", language, **shown) if sms else None,
            meeting=self._meeting(facts, language, shown, appointment_id),
        )

    def shown_in_cabinet(
        self, message_type: MessageType, language: Language, facts: Mapping[str, str]
    ) -> tuple[str, str]:
        """Title and text for the feed, which repeats no secret."""
        shown, key = self._shown(facts, language), f"messages.{message_type}"
        text = f"{key}.feed" if f"{key}.feed" in self.texts else f"{key}.body"
        return (
            self.texts.render(f"{key}.subject", language, **shown),
            self.texts.render(text, language, **shown),
        )

    def _shown(self, facts: Mapping[str, str], language: Language) -> dict[str, str]:
        """The facts as people read them: times in the branch's zone, which is named (GW-26), money in roubles."""
        shown = dict(facts)
        for name in ("starts_at", "previous_starts_at"):
            if name in facts:
                instant = datetime.fromisoformat(facts[name])
                shown[name] = moment(instant, facts["zone"], language)
        if "amount_kopecks" in facts:
            shown["amount"] = money(Money(kopecks=int(facts["amount_kopecks"])), language)
        if "kind" in facts:
            shown["place"] = self.texts.render(f"place.{facts['kind']}", language, **facts)
        for name in _TRANSLATED:
            if name in facts:
                shown[name] = self.texts.render(f"{name}.{facts[name]}", language)
        return shown

    def _link(self, facts: Mapping[str, str], appointment_id: UUID | None) -> str | None:
        if "conclusion_id" in facts:
            return f"{self.cabinet_url}/conclusions/{facts['conclusion_id']}"
        return f"{self.cabinet_url}/appointments/{appointment_id}" if appointment_id else None

    def _meeting(
        self,
        facts: Mapping[str, str],
        language: Language,
        shown: Mapping[str, str],
        appointment_id: AppointmentId | None,
    ) -> Meeting | None:
        if "calendar" not in facts or appointment_id is None:
            return None
        return Meeting(
            appointment_id=appointment_id,
            method="CANCEL" if facts["calendar"] == "CANCEL" else "REQUEST",
            sequence=int(facts["sequence"]),
            starts_at=datetime.fromisoformat(facts["starts_at"]),
            ends_at=datetime.fromisoformat(facts["ends_at"]),
            summary=self.texts.render("meeting", language, **facts),
            place=shown["place"],
        )
