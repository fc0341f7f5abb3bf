"""The routes of an application with the row of the access table that guards each."""

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, APIWebSocketRoute, RouteContext, iter_route_contexts

from service_kit.access import Access, FramePermission, Permission

__all__ = ["GuardedRoute", "guarded_routes"]


@dataclass(frozen=True, slots=True)
class GuardedRoute:
    """One declared route; `method` is "WS" for a WebSocket, `guards` normally has one row."""

    method: str
    path: str
    name: str
    tags: tuple[str, ...]
    endpoint: Any
    guards: tuple[Access, ...]
    threaded: tuple[str, ...]
    """Dependencies that FastAPI calls in a thread, because they are no coroutine functions."""
    context: RouteContext


def guarded_routes(app: FastAPI) -> Iterator[GuardedRoute]:
    """All routes that services declare; health, metrics and documents are not among them."""
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        if not isinstance(route, APIRoute | APIWebSocketRoute):
            continue
        guards = tuple(_guards(context.dependant))
        tags = tuple(context.tags) if isinstance(route, APIRoute) else ()
        for method in sorted(context.methods or {"WS"}):
            yield GuardedRoute(
                method,
                context.path_format or "",
                context.name or "",
                tags,
                context.endpoint,
                guards,
                tuple(_threaded(context.dependant)),
                context,
            )


def _guards(dependant: Dependant) -> Iterator[Access]:
    if isinstance(dependant.call, Permission | FramePermission):
        yield dependant.call.access
    for inner in dependant.dependencies:
        yield from _guards(inner)


def _threaded(dependant: Dependant) -> Iterator[str]:
    for inner in dependant.dependencies:
        if not any(map(_is_async, (inner.call, getattr(inner.call, "__call__", None)))):  # noqa: B004 - which kind
            yield getattr(inner.call, "__name__", repr(inner.call))
        yield from _threaded(inner)


def _is_async(call: object) -> bool:
    return inspect.iscoroutinefunction(call) or inspect.isasyncgenfunction(call)
