"""What the processes export, and what a PromQL expression asks for beside it."""

import importlib
import re
from functools import cache
from typing import Any

import promql_parser
from prometheus_client import REGISTRY
from prometheus_client.metrics import MetricWrapperBase

__all__ = ["exported", "selectors", "unknown"]

SERVICES = (
    *("identity", "booking", "consultation_room", "conclusions"),
    *("billing", "notifications", "gateway", "ops"),
)
# What whoever scrapes adds: see prometheus.yml.
TARGET_LABELS = frozenset({"job", "instance", "service", "role", "namespace", "pod"})
SUFFIXES: dict[str | None, tuple[str, ...]] = {
    "counter": ("_total",),
    "histogram": ("_bucket", "_count", "_sum"),
    "gauge": ("",),
}


@cache
def exported() -> dict[str, frozenset[str]]:
    """Every series that some process exports, with the labels that it has of its own."""
    for service in SERVICES:
        importlib.import_module(f"{service}.bootstrap")
    found: dict[str, frozenset[str]] = {"up": frozenset()}
    collectors = {id(each): each for each in REGISTRY._collector_to_names}.values()
    for collector in collectors:
        if isinstance(collector, MetricWrapperBase):
            for suffix in SUFFIXES[collector._type]:
                own = (
                    {*collector._labelnames, "le"} if suffix == "_bucket" else collector._labelnames
                )
                found[collector._name + suffix] = frozenset(own)
        else:
            for family in collector.collect():
                for sample in family.samples:
                    found.setdefault(sample.name, frozenset())
                    found[sample.name] |= sample.labels.keys()
                found.setdefault(family.name, frozenset(getattr(family, "_labelnames", ())))
    return found


@cache
def stored_names() -> frozenset[str]:
    return frozenset(
        name
        for service in SERVICES[:6]
        for name in importlib.import_module(f"{service}.bootstrap").SERVICE.codec.types
    )


def selectors(expression: str) -> list[Any]:
    found: list[Any] = []

    def visit(node: Any) -> bool:
        if isinstance(node, promql_parser.VectorSelector):
            found.append(node)
        return True

    promql_parser.walk(promql_parser.parse(expression), visit)
    return found


def unknown(expression: str, *records: str) -> list[str]:
    """What an expression asks for and nobody exports or records: metrics, labels, names of events."""
    known = exported() | dict.fromkeys(records, frozenset())
    findings = []
    for selector in selectors(expression):
        labels = known.get(selector.name)
        if labels is None:
            findings.append(selector.name)
            continue
        for matcher in selector.matchers.matchers:
            if matcher.name not in labels | TARGET_LABELS:
                findings.append(f"{selector.name}{{{matcher.name}}}")
            wanted = re.compile(matcher.value)
            if matcher.name == "type" and not any(map(wanted.fullmatch, stored_names())):
                findings.append(matcher.value)
    return findings
