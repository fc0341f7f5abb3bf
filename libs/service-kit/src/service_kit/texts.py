"""Texts for people from catalogues, Russian first, English beside; money and times as people write them."""

import re
import string
import tomllib
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from importlib import resources
from typing import Final, Literal, cast
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_time
from babel.numbers import format_decimal

from service_kit.errors import ConfigurationError
from vocabulary.money import Money

__all__ = [
    "LANGUAGES",
    "Language",
    "Texts",
    "day",
    "moment",
    "money",
    "negotiate",
    "wall_time",
    "weekday",
    "zone_label",
]

Language = Literal["ru", "en"]
LANGUAGES: Final[tuple[Language, ...]] = ("ru", "en")
_FORMATTER: Final = string.Formatter()
_QUALITY: Final = re.compile(
    r"\s*([a-zA-Z*]{1,8})(?:-[a-zA-Z0-9-]+)?\s*(?:;\s*q=([01](?:\.\d{0,3})?))?\s*"
)


class Texts:
    """Catalogues of one or more packages.

    Keys are dotted, placeholders are those of `str.format`, and both languages have the same keys with the same
    placeholders: anything else is a ConfigurationError when the catalogue is read. Facts are put in as they are;
    whoever puts the result into HTML escapes them.
    """

    def __init__(self, catalogues: Mapping[Language, Mapping[str, str]]) -> None:
        self._catalogues = {language: dict(catalogues[language]) for language in LANGUAGES}
        findings = _differences(self._catalogues["ru"], self._catalogues["en"])
        if findings:
            raise ConfigurationError(*findings)

    @classmethod
    def load(cls, package: str) -> "Texts":
        """Read `texts/ru.toml` and `texts/en.toml` of an importable package; ConfigurationError when they differ."""
        folder = resources.files(package) / "texts"
        return cls(
            {
                language: _flat(tomllib.loads((folder / f"{language}.toml").read_text("utf-8")))
                for language in LANGUAGES
            }
        )

    def __or__(self, other: "Texts") -> "Texts":
        """Both catalogues; the right one wins where a key is in both."""
        return Texts(
            {lang: {**self.catalogue(lang), **other.catalogue(lang)} for lang in LANGUAGES}
        )

    def catalogue(self, language: Language) -> Mapping[str, str]:
        """All texts of one language by key."""
        return self._catalogues[language]

    def __contains__(self, key: str) -> bool:
        return key in self._catalogues["ru"]

    def render(self, key: str, language: Language, **facts: object) -> str:
        """The text of `key` with its placeholders filled; KeyError when the key or a fact is missing."""
        return self._catalogues[language][key].format_map(facts)


def negotiate(accept_language: str | None, account_language: str | None = None) -> Language:
    """The language to answer in: what the request accepts, else the account's, else Russian (RFC 9110, 12.5.4)."""
    best: Language | None = None
    best_quality = 0.0
    for part in (accept_language or "").split(","):
        match = _QUALITY.fullmatch(part)
        if match is None or match[1].lower() not in LANGUAGES:
            continue
        quality = float(match[2] or 1)
        if quality > best_quality:
            best, best_quality = cast(Language, match[1].lower()), quality
    if best is not None:
        return best
    return "en" if account_language == "en" else "ru"


def money(amount: Money, language: Language) -> str:
    """An amount as people write it, with no-break spaces: "1 500,00 ₽", "₽1,500.00"."""
    roubles = format_decimal(Decimal(amount.kopecks).scaleb(-2), "#,##0.00", locale=language)
    return f"{roubles}\N{NO-BREAK SPACE}₽" if language == "ru" else f"₽{roubles}"


@lru_cache(maxsize=4096)
def day(value: date, language: Language) -> str:
    """A day in words: "21 ноября 2026 г.", "November 21, 2026"."""
    return format_date(value, "long", locale=language)


@lru_cache(maxsize=4096)
def weekday(value: date, language: Language) -> str:
    """The name of its day: "вторник", "Tuesday"."""
    return format_date(value, "EEEE", locale=language)


def wall_time(value: datetime, zone: str, language: Language) -> str:
    """The clock of `zone` (IANA name) with its label: "14:30 (UTC+3)"."""
    local = value.astimezone(_zone(zone))
    return f"{_clock(local.hour, local.minute, language)} ({zone_label(value, zone)})"


def moment(value: datetime, zone: str, language: Language) -> str:
    """Day and labelled time in `zone`: "21 ноября 2026 г., 14:30 (UTC+3)" (GW-26)."""
    return (
        f"{day(value.astimezone(_zone(zone)).date(), language)}, {wall_time(value, zone, language)}"
    )


def zone_label(value: datetime, zone: str) -> str:
    """The offset of `zone` at that instant: "UTC+3", "UTC+5:30", "UTC"."""
    offset = value.astimezone(_zone(zone)).utcoffset() or timedelta()
    hours, rest = divmod(abs(offset), timedelta(hours=1))
    minutes = rest // timedelta(minutes=1)
    sign = "-" if offset < timedelta() else "+"
    return "UTC" + (f"{sign}{hours}" + (f":{minutes:02}" if minutes else "") if offset else "")


@lru_cache(maxsize=4096)
def _clock(hour: int, minute: int, language: Language) -> str:
    return format_time(time(hour, minute), "HH:mm", locale=language)


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def _flat(table: Mapping[str, object], prefix: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for key, value in table.items():
        match value:
            case str():
                flat[prefix + key] = value
            case dict():
                flat |= _flat(value, f"{prefix}{key}.")
            case _:
                raise ConfigurationError(f"text {prefix}{key} is not a string")
    return flat


def _placeholders(text: str) -> set[str]:
    return {
        name.partition(".")[0].partition("[")[0]
        for _, name, _, _ in _FORMATTER.parse(text)
        if name is not None
    }


def _differences(russian: Mapping[str, str], english: Mapping[str, str]) -> list[str]:
    findings = [
        f"text {key} is in one language only" for key in sorted(russian.keys() ^ english.keys())
    ]
    findings += [
        f"text {key} has other placeholders in Russian than in English"
        for key in sorted(russian.keys() & english.keys())
        if _placeholders(russian[key]) != _placeholders(english[key])
    ]
    return findings
