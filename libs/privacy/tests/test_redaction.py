"""Nothing personal reaches a log, and what operators need does."""

import json
from datetime import UTC, datetime
from uuid import UUID

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from privacy.redaction import MASK, Redaction, strip_personal
from vocabulary.sealed import Sealed

REDACT = Redaction()


def redacted(**entry: object) -> dict[str, object]:
    return dict(REDACT(None, "info", dict(entry)))


def test_allowed_scalars_pass() -> None:
    entry: dict[str, object] = {
        "event": "command.handled",
        "type": "ReserveAppointment",
        "stream": "doctor-day-north.01936f00-0000-7000-8000-00000000000a:2026-11-21",
        "appointment_id": "01936f00-0000-7000-8000-00000000000a",
        "revision": 12,
        "duration_ms": 1.25,
        "code": None,
        "timestamp": "2026-11-21T20:46:06.123456+03:00",
    }
    assert redacted(**entry) == entry


@pytest.mark.parametrize(
    "value",
    [
        {"last_name": "Иванова"},
        ["Иванова"],
        datetime(2026, 1, 1, tzinfo=UTC),
        Sealed[str](subject=UUID(int=1), field="last_name", cipher="Y2lwaGVy"),
        b"Ivanova",
        ValueError("Иванова"),
    ],
)
def test_what_is_no_scalar_is_masked(value: object) -> None:
    assert redacted(event="x", reason=value) == {"event": "x", "reason": MASK}


def test_unknown_keys_are_masked() -> None:
    assert redacted(event="x", last_name="Иванова", body=1) == {
        "event": "x",
        "last_name": MASK,
        "body": MASK,
    }
    assert Redaction(also_allowed=frozenset({"tenants"}))(None, "", {"tenants": 2}) == {
        "tenants": 2
    }


@pytest.mark.parametrize(
    "personal",
    [
        "anna.ivanova+1@example.ru",
        "+79161234567",
        "+7 (916) 123-45-67",
        "8 916 123 45 67",
        "89161234567",
        "79161234567",
        "9161234567",
        "84951234567",
        "8 (495) 123-45-67",
        "7 495 123 45 67",
        "+49 30 901820",
        "112-233-445 95",
        "11223344595",
        "7757310834123450",
        "7757 3108 3412 3450",
        "Bearer abc.def-ghi~1",
        "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhbm5hIn0.c2ln",
    ],
)
@pytest.mark.parametrize(
    "frame", ["{}", "to {}, again", "({})", 'Key (x)=("{}") exists', "a={};", "x:{}"]
)
def test_personal_looking_text_is_stripped(personal: str, frame: str) -> None:
    stripped = strip_personal(frame.format(personal))
    assert stripped == frame.format(MASK)


def test_numbers_beside_dots_and_hyphens_are_stripped_too() -> None:
    assert strip_personal("tel.89161234567.") == f"tel.{MASK}."
    assert strip_personal("tel-89161234567-ok") == f"tel-{MASK}-ok"
    assert strip_personal("тел89161234567") == f"тел{MASK}"


@given(st.uuids() | st.binary(min_size=32, max_size=32).map(bytes.hex) | st.datetimes())
def test_ids_digests_and_times_are_left_alone(value: object) -> None:
    text = value.isoformat() if isinstance(value, datetime) else f"{value}"
    assert strip_personal(text) == text


def test_an_id_that_happens_to_be_digits_is_left_alone() -> None:
    for text in ("12345678-1234-4123-8123-123456789012", "1" * 64, "89161234567a", "b89161234567"):
        assert strip_personal(text) == text


def test_long_texts_are_cut() -> None:
    assert len(strip_personal("x" * 501)) == 500
    assert strip_personal("x" * 500) == "x" * 500


def _find() -> None:
    raise KeyError("+79161234567")


def _check() -> None:
    try:
        _find()
    except KeyError as missing:
        raise ValueError("Иванова Анна") from missing


@pytest.mark.parametrize("form", ["exception", "triple", "flag"])
def test_exceptions_are_told_by_type_and_place_only(form: str) -> None:
    with pytest.raises(ValueError, match="Иванова") as caught:
        _check()
    exc_info: dict[str, object] = {"exception": caught.value, "triple": caught._excinfo}
    try:
        raise caught.value
    except ValueError:
        entry = redacted(event="x", exc_info=exc_info.get(form, True))
    told = str(entry["exception"])
    assert told.startswith("builtins.ValueError at ")
    assert "in _check caused by builtins.KeyError at " in told
    assert told.endswith("in _find")
    assert "Иванова" not in told
    assert "+7916" not in told


def test_no_exception_is_told_where_there_is_none() -> None:
    assert redacted(event="x", exc_info=None) == {"event": "x"}
    assert redacted(event="x", exc_info=False) == {"event": "x"}


def test_a_rendered_traceback_is_masked() -> None:
    assert redacted(event="x", exception="Traceback ... Иванова")["exception"] == MASK


def test_it_works_as_the_last_processor_before_rendering(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logger = structlog.wrap_logger(
        structlog.PrintLogger(),
        processors=[
            structlog.processors.add_log_level,
            REDACT,
            structlog.processors.JSONRenderer(),
        ],
    )
    logger.info("letter.sent", to="anna@example.ru", message_id="01936f00", phone=89161234567)
    assert json.loads(capsys.readouterr().out) == {
        "event": "letter.sent",
        "level": "info",
        "to": MASK,
        "message_id": "01936f00",
        "phone": MASK,
    }
