"""Clock, ids and texts."""

import json
import os
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from service_kit import texts
from service_kit.clock import FixedClock, SystemClock
from service_kit.errors import ConfigurationError
from service_kit.ids import command_id, new_id, new_token
from service_kit.texts import Texts, negotiate
from vocabulary.money import Money


def ahead(clock: SystemClock) -> timedelta:
    return clock.now() - SystemClock().now()


def near(duration: timedelta, seconds: float) -> bool:
    return abs(duration.total_seconds() - seconds) < 1


@pytest.mark.requirement("OPS-14")
def test_the_clock_of_the_suite_follows_the_file(tmp_path: Path) -> None:
    file = tmp_path / "clock.json"
    clock = SystemClock(file)
    assert near(ahead(clock), 0)
    file.write_text(json.dumps({"offset_seconds": 7200}))
    assert near(ahead(clock), 0), "looked at again too soon"
    time.sleep(0.21)
    assert near(ahead(clock), 7200)
    file.unlink()
    time.sleep(0.21)
    assert near(ahead(clock), 0)


@pytest.mark.parametrize("text", ["", "{}", '{"offset_seconds": "soon"}', "[]"])
def test_a_clock_file_that_says_nothing_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "clock.json"
    file.write_text(text)
    with pytest.raises(ConfigurationError):
        SystemClock(file)


def test_a_file_that_breaks_later_does_not_stop_the_clock(tmp_path: Path) -> None:
    file = tmp_path / "clock.json"
    file.write_text('{"offset_seconds": 60}')
    clock = SystemClock(file)
    file.write_text("half writ")
    os.utime(file, (1, 1))
    time.sleep(0.21)
    assert near(ahead(clock), 60)


def test_a_fixed_clock_moves_only_when_it_is_told() -> None:
    clock = FixedClock(datetime(2026, 3, 1, 12, tzinfo=UTC))
    assert clock.now() == clock.now()
    clock.advance(timedelta(hours=1))
    assert clock.now() == datetime(2026, 3, 1, 13, tzinfo=UTC)
    clock.set(datetime(2026, 1, 1, tzinfo=UTC))
    assert clock.now() == datetime(2026, 1, 1, tzinfo=UTC)


def test_ids_are_ordered_and_of_version_seven() -> None:
    first = new_id()
    time.sleep(0.002)
    assert first < new_id()
    assert first.version == 7
    assert type(first).__module__ == "uuid"
    assert len({new_token() for _ in range(10)}) == 10


def test_a_command_id_depends_on_all_its_parts() -> None:
    parts = [("a", "b", "c"), ("x", "b", "c"), ("a", "x", "c"), ("a", "b", "x")]
    assert len({command_id(*part) for part in parts}) == 4
    assert command_id("a", "b", "c") == command_id("a", "b", "c")


@pytest.mark.parametrize(
    ("header", "account", "expected"),
    [
        (None, None, "ru"),
        (None, "en", "en"),
        (None, "de", "ru"),
        ("en-US,en;q=0.9", None, "en"),
        ("en-US,en;q=0.9", "ru", "en"),
        ("ru;q=0.1, en;q=0.5", None, "en"),
        ("ru, en", None, "ru"),
        ("de, fr;q=0.4", "en", "en"),
        ("en;q=0", None, "ru"),
        (";;;,,q=", "en", "en"),
    ],
)
def test_the_request_chooses_the_language_before_the_account(
    header: str | None, account: str | None, expected: str
) -> None:
    assert negotiate(header, account) == expected


@pytest.mark.parametrize(
    ("russian", "english", "finding"),
    [
        ({"a": "x", "b": "x"}, {"a": "x"}, "text b is in one language only"),
        (
            {"a": "{name}"},
            {"a": "{title}"},
            "text a has other placeholders in Russian than in English",
        ),
    ],
)
def test_catalogues_that_differ_are_refused(
    russian: dict[str, str], english: dict[str, str], finding: str
) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        Texts({"ru": russian, "en": english})
    assert refusal.value.findings == (finding,)


def test_a_text_is_rendered_with_its_facts() -> None:
    both = Texts({"ru": {"a": "Здравствуйте, {name}"}, "en": {"a": "Hello, {name}"}}) | Texts(
        {"ru": {"b": "{at:%H}"}, "en": {"b": "{at:%H}"}}
    )
    assert both.render("a", "ru", name="Анна {x}") == "Здравствуйте, Анна {x}"
    assert both.render("b", "en", at=datetime(2026, 1, 1, 9, tzinfo=UTC)) == "09"
    with pytest.raises(KeyError):
        both.render("a", "ru")
    with pytest.raises(KeyError):
        both.render("missing", "ru")


def test_money_is_written_as_people_write_it() -> None:
    amount = Money(kopecks=150_000)
    assert texts.money(amount, "ru").replace("\xa0", " ") == "1 500,00 ₽"
    assert texts.money(amount, "en") == "₽1,500.00"


def test_the_largest_amounts_keep_their_kopecks() -> None:
    shown = texts.money(Money(kopecks=99_999_999_999_999_901), "ru")
    assert shown.endswith("999,01\xa0₽")


@pytest.mark.requirement("GW-26")
@pytest.mark.parametrize(
    ("zone", "language", "expected"),
    [
        ("Europe/Moscow", "ru", "21 ноября 2026\xa0г., 14:30 (UTC+3)"),
        ("Europe/Moscow", "en", "November 21, 2026, 14:30 (UTC+3)"),
        ("Asia/Kolkata", "en", "November 21, 2026, 17:00 (UTC+5:30)"),
        ("Asia/Kamchatka", "ru", "21 ноября 2026\xa0г., 23:30 (UTC+12)"),
        ("America/St_Johns", "en", "November 21, 2026, 08:00 (UTC-3:30)"),
        ("UTC", "ru", "21 ноября 2026\xa0г., 11:30 (UTC)"),
    ],
)
def test_a_moment_is_shown_in_its_zone_with_a_label(
    zone: str, language: texts.Language, expected: str
) -> None:
    shown = texts.moment(datetime(2026, 11, 21, 11, 30, tzinfo=UTC), zone, language)
    assert shown.replace("\u202f", "\xa0") == expected


def test_the_label_follows_summer_time() -> None:
    winter, summer = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC)
    assert texts.zone_label(winter, "Europe/Berlin") == "UTC+1"
    assert texts.zone_label(summer, "Europe/Berlin") == "UTC+2"


def test_a_day_is_written_in_words() -> None:
    assert texts.day(date(2026, 3, 1), "ru").replace("\u202f", "\xa0") == "1 марта 2026\xa0г."
    assert texts.day(date(2026, 3, 1), "en") == "March 1, 2026"
