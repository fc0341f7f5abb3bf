"""Which service answers which path: read off the services' OpenAPI documents, never written by hand."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any, Final

import msgspec

from service_kit.access import DEFAULT_BODY_BYTES

__all__ = [
    "OWN",
    "LiveRoute",
    "Operation",
    "RoutingTable",
    "described_services",
    "load_documents",
]

OWN: Final = "gateway"
"""The name by which the gateway's own operations stand among those of the services."""


_METHODS: Final = frozenset({"get", "put", "post", "delete", "patch"})
_DOCUMENTS: Final = resources.files("contracts") / "openapi"
_PARAMETER: Final = re.compile(r"\\\{[a-z_0-9]+\\\}")

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One public operation of a service."""

    service: str
    method: str
    path: str
    name: str
    anonymous: bool
    """Whether strangers may call it."""
    keeps_answers: bool
    """Whether an Idempotency-Key is demanded, so that the first answer is kept for repeats."""
    max_body_bytes: int = DEFAULT_BODY_BYTES
    captcha: bool = False
    """Whether strangers show a solved captcha."""
    anonymous_only: bool = False
    """Whether a token makes no difference to the service."""
    is_callback: bool = False
    """Whether a provider calls: for all clinics, from few addresses, which the service checks."""

    @property
    def safe(self) -> bool:
        """Whether it changes nothing."""
        return self.method == "GET"


@dataclass(frozen=True, slots=True)
class LiveRoute:
    """A WebSocket of a service."""

    service: str
    path: str


class RoutingTable:
    """Finds the operation for a method and a path."""

    def __init__(self, documents: Mapping[str, Document]) -> None:
        self._paths: dict[int, list[tuple[re.Pattern[str], dict[str, Operation]]]] = {}
        self._live: list[tuple[re.Pattern[str], LiveRoute]] = []
        for service, document in documents.items():
            for path, item in sorted(document.get("paths", {}).items(), key=_literal_first):
                self._add(path, {op.method: op for op in _operations(service, path, item)})
            for path in document.get("x-live", ()):
                self._live.append((_pattern(path), LiveRoute(service, path)))

    def find(self, method: str, path: str) -> Operation | set[str] | None:
        """The operation; or the methods that the path knows instead; or None for an unknown path."""
        methods: set[str] = set()
        for pattern, operations in self._paths.get(path.count("/"), ()):
            if pattern.fullmatch(path):
                operation = operations.get(method)
                if operation is not None:
                    return operation
                methods |= operations.keys()
        return methods or None

    def body_limits(self) -> Mapping[object, int]:
        """The largest body of each operation."""
        return {
            operation: operation.max_body_bytes
            for entries in self._paths.values()
            for _, operations in entries
            for operation in operations.values()
        }

    def find_live(self, path: str) -> LiveRoute | None:
        """The WebSocket at this path."""
        return next((route for pattern, route in self._live if pattern.fullmatch(path)), None)

    def _add(self, path: str, operations: dict[str, Operation]) -> None:
        if operations:
            self._paths.setdefault(path.count("/"), []).append((_pattern(path), operations))


def load_documents() -> dict[str, Document]:
    """The committed OpenAPI documents of all services, by package name."""
    return {
        service: msgspec.json.decode((_DOCUMENTS / f"{service}.json").read_bytes())
        for service in described_services()
    }


def described_services() -> list[str]:
    """The package names of the services that have a document, in order."""
    names = [entry.name for entry in _DOCUMENTS.iterdir()]
    return sorted(name.removesuffix(".json") for name in names if name.endswith(".json"))


def _operations(service: str, path: str, item: Mapping[str, Any]) -> Iterable[Operation]:
    for method, operation in item.items():
        if method in _METHODS and "internal" not in operation.get("tags", ()):
            yield Operation(
                service=service,
                method=method.upper(),
                path=path,
                name=operation["operationId"],
                anonymous="anonymous" in operation["x-access"]["roles"],
                anonymous_only=operation["x-access"]["roles"].keys() == {"anonymous"},
                keeps_answers=any(
                    parameter["name"] == "Idempotency-Key" and parameter["required"]
                    for parameter in operation.get("parameters", ())
                ),
                max_body_bytes=operation["x-access"].get("max_body_bytes", DEFAULT_BODY_BYTES),
                captcha=operation["x-access"].get("captcha", False),
                is_callback="callbacks" in operation.get("tags", ()),
            )


def _literal_first(entry: tuple[str, object]) -> tuple[int, str]:
    """`/consultations/mine` is tried before `/consultations/{id}`."""
    return entry[0].count("{"), entry[0]


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(_PARAMETER.sub("[^/]+", re.escape(path)))
