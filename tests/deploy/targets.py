"""Whom Prometheus asks and under which labels, and whom the alert ProcessGone misses."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from measured import selectors

__all__ = ["FOLDER", "job", "missed", "relabelled"]

FOLDER = Path(__file__).resolve().parents[2] / "deploy/observability/prometheus"


def job(file: str) -> Mapping[str, Any]:
    """The one scrape job of a configuration."""
    (only,) = yaml.safe_load((FOLDER / file).read_text())["scrape_configs"]
    return dict(only)


def relabelled(
    rules: Sequence[Mapping[str, Any]], found: Mapping[str, str]
) -> dict[str, str] | None:
    """What a target's labels become, as Prometheus makes them; None when it is not asked."""
    labels = dict(found)
    for rule in rules:
        value = ";".join(labels.get(name, "") for name in rule.get("source_labels", ()))
        match = re.fullmatch(rule.get("regex", "(.*)"), value, re.DOTALL)
        match rule.get("action", "replace"), match:
            case ("keep", None) | ("drop", re.Match()):
                return None
            case ("replace", re.Match() as filled):
                template = re.sub(r"\$(\d)", r"\\\1", rule.get("replacement", "$1"))
                labels[rule["target_label"]] = filled.expand(template)
            case (("keep" | "drop" | "replace"), _):
                pass
            case (action, _):
                raise NotImplementedError(action)
    return {name: value for name, value in labels.items() if value and not name.startswith("__")}


def missed() -> list[Mapping[str, str]]:
    """The labels by which ProcessGone looks for each process."""
    rules = yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"][0]["rules"]
    (gone,) = (rule for rule in rules if rule.get("alert") == "ProcessGone")
    return [
        {matcher.name: matcher.value for matcher in selector.matchers.matchers}
        for selector in selectors(gone["expr"])
    ]
