"""Stored names are for ever: every event has exactly one, and a golden file that still decodes."""

import importlib
import typing
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from uuid import UUID

import msgspec
import pytest

from event_store import Codec, RecordedEvent

ROOT = Path(__file__).resolve().parents[2]


def event_modules() -> Iterator[tuple[Path, ModuleType]]:
    for file in sorted(ROOT.glob("services/*/src/*/domain/*/events.py")):
        name = ".".join(
            file.relative_to(
                next(file.parents[i] for i in range(9) if file.parents[i].name == "src")
            )
            .with_suffix("")
            .parts
        )
        yield file, importlib.import_module(name)


MODULES = [pytest.param(file, module, id=module.__name__) for file, module in event_modules()]
EVENTS = [
    pytest.param(file, module.STORED_NAMES, stored, id=f"{module.__name__}:{stored}")
    for file, module in event_modules()
    for stored in module.STORED_NAMES.values()
]


@pytest.mark.parametrize(("file", "module"), MODULES)
def test_the_table_and_the_union_name_the_same_events(file: Path, module: ModuleType) -> None:
    unions = [
        value
        for name, value in vars(module).items()
        if name.endswith("Event") and name in module.__all__
    ]
    members = {member for union in unions for member in typing.get_args(union) or (union,)}
    assert set(module.STORED_NAMES) == members


def test_no_service_stores_two_events_under_one_name() -> None:
    seen: dict[tuple[str, str], str] = {}
    for file, module in event_modules():
        service = module.__name__.split(".")[0]
        for stored in module.STORED_NAMES.values():
            assert seen.setdefault((service, stored), module.__name__) == module.__name__, file


@pytest.mark.parametrize(("file", "names", "stored"), EVENTS)
def test_the_golden_sample_decodes_and_encodes_to_itself_but_for_later_fields(
    file: Path, names: dict[type[object], str], stored: str
) -> None:
    service = next(parent for parent in file.parents if parent.parent.name == "services")
    sample = (service / "samples" / f"{stored}.json").read_bytes()
    codec = Codec(names)
    event = codec.decode(RecordedEvent(UUID(int=0), "", 0, stored, sample, b"", 0, 0))
    assert codec.encode(event)[0] == stored
    encoded = codec.encode(event)[1]
    assert kept(msgspec.json.decode(sample), msgspec.json.decode(encoded))
    assert codec.decode(RecordedEvent(UUID(int=0), "", 0, stored, encoded, b"", 0, 0)) == event


def kept(sample: object, encoded: object) -> bool:
    """All of the sample is there; a field that was added since may stand beside it, with its default."""
    if isinstance(sample, dict) and isinstance(encoded, dict):
        return all(name in encoded and kept(sample[name], encoded[name]) for name in sample)
    if isinstance(sample, list) and isinstance(encoded, list):
        return len(sample) == len(encoded) and all(map(kept, sample, encoded))
    return sample == encoded
