"""Public facts: one name each, and golden samples that every version reads for ever."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from pydantic import ValidationError

from contracts.fact import PublicEvent
from contracts.topics import TOPICS, Topic

ROOT = Path(__file__).resolve().parents[2] / "contracts"
FACTS = [pytest.param(topic, fact, id=fact.type_name()) for topic in TOPICS for fact in topic.facts]


def samples(topic: Topic, fact: type[PublicEvent]) -> list[dict[str, Any]]:
    folder = ROOT / "samples" / topic.producer
    return [
        json.loads((folder / f"{fact.type_name()}{suffix}.json").read_text())
        for suffix in ("", ".minimal")
    ]


def test_no_name_stands_twice() -> None:
    names = [fact.type_name() for topic in TOPICS for fact in topic.facts]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(("topic", "fact"), FACTS)
def test_golden_samples_are_read_and_written_unchanged(
    topic: Topic, fact: type[PublicEvent]
) -> None:
    for sample in samples(topic, fact):
        read = fact.model_validate_json(json.dumps(sample))
        assert json.loads(read.model_dump_json(exclude_unset=True)) == sample


@pytest.mark.parametrize(("topic", "fact"), FACTS)
def test_golden_samples_fit_the_published_schema(topic: Topic, fact: type[PublicEvent]) -> None:
    schema = json.loads(
        (ROOT / "schemas" / topic.producer / f"{fact.type_name()}.json").read_text()
    )
    for sample in samples(topic, fact):
        jsonschema.validate(sample, schema)


@pytest.mark.parametrize(("topic", "fact"), FACTS)
def test_a_consumer_ignores_what_it_does_not_know_and_refuses_what_lacks(
    topic: Topic, fact: type[PublicEvent]
) -> None:
    _, minimal = samples(topic, fact)
    assert fact.model_validate(minimal | {"added_later": 1}) == fact.model_validate(minimal)
    for name in minimal:
        lacking = {key: value for key, value in minimal.items() if key != name}
        with pytest.raises(ValidationError):
            fact.model_validate(lacking)


def test_every_sample_belongs_to_a_fact() -> None:
    known = {f"{topic.producer}/{fact.type_name()}" for topic in TOPICS for fact in topic.facts}
    found = {
        f"{file.parent.name}/{file.name.removesuffix('.json').removesuffix('.minimal')}"
        for file in (ROOT / "samples").rglob("*.json")
    }
    assert found == known
