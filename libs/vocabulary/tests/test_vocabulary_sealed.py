"""The shape of sealed values in Python, msgspec and pydantic."""

import json
import pickle
from dataclasses import FrozenInstanceError, dataclass, replace
from datetime import date
from uuid import UUID

import msgspec
import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from vocabulary.people import FullName
from vocabulary.sealed import Sealed

SUBJECT = UUID("01936f00-0000-7000-8000-000000000001")
LAST_NAME: Sealed[str] = Sealed(subject=SUBJECT, field="last_name", cipher="Y2lwaGVy")
BORN: Sealed[date] = Sealed(subject=SUBJECT, field="birth_date", cipher="ZGF0ZQ")


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientRegistered:
    last_name: Sealed[str]
    birth_date: Sealed[date]
    name: Sealed[FullName] | None = None
    others: tuple[Sealed[str], ...] = ()


class Published(BaseModel):
    last_name: Sealed[str]


FACT = PatientRegistered(last_name=LAST_NAME, birth_date=BORN, others=(LAST_NAME,))
JSON = {"subject": str(SUBJECT), "field": "last_name", "cipher": "Y2lwaGVy"}


def test_its_repr_has_no_cipher() -> None:
    assert repr(LAST_NAME) == f"Sealed(subject={SUBJECT!r}, field='last_name')"
    assert "Y2lwaGVy" not in f"{FACT}"


def test_it_is_equal_by_all_fields_and_frozen() -> None:
    assert replace(LAST_NAME) == LAST_NAME
    assert hash(replace(LAST_NAME)) == hash(LAST_NAME)
    for other in (
        replace(LAST_NAME, cipher="b3RoZXI"),
        replace(LAST_NAME, field="first_name"),
        replace(LAST_NAME, subject=UUID(int=1)),
    ):
        assert other != LAST_NAME
    with pytest.raises(FrozenInstanceError):
        LAST_NAME.cipher = ""  # type: ignore[misc] # what must not work
    assert not hasattr(LAST_NAME, "__dict__")
    assert Sealed[str](subject=SUBJECT, field="last_name", cipher="Y2lwaGVy") == LAST_NAME
    assert pickle.loads(pickle.dumps(LAST_NAME)) == LAST_NAME  # noqa: S301 # our own bytes


def test_msgspec_reads_what_it_wrote() -> None:
    written = msgspec.json.encode(FACT)
    assert json.loads(written)["last_name"] == JSON
    assert msgspec.json.decode(written, type=PatientRegistered) == FACT
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(b'{"last_name": "Ivanova"}', type=PatientRegistered)


def test_pydantic_reads_what_it_wrote() -> None:
    adapter = TypeAdapter(PatientRegistered)
    written = adapter.dump_json(FACT)
    assert json.loads(written)["last_name"] == JSON
    assert adapter.validate_json(written) == FACT
    assert Published.model_validate({"last_name": JSON}).last_name == LAST_NAME
    assert "Y2lwaGVy" not in repr(Published(last_name=LAST_NAME))
    with pytest.raises(ValidationError):
        Published.model_validate({"last_name": "Ivanova"})


def test_its_json_schema_is_the_object() -> None:
    schema = TypeAdapter(Sealed[str]).json_schema()
    assert sorted(schema["required"]) == ["cipher", "field", "subject"]
