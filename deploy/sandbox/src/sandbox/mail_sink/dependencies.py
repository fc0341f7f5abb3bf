"""What the routes of the sink work with."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from sandbox.clock import Clock
from sandbox.mail_sink.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Sink:
    store: Store
    clock: Clock
    api_id: str


def sink_of(request: Request) -> Sink:
    sink: Sink = request.app.state.sink
    return sink


SinkDep = Annotated[Sink, Depends(sink_of)]
