"""The relay: the service's store in order, through its publishing, onto its topic."""

import asyncio
from collections.abc import Callable, Sequence
from secrets import token_hex
from typing import Any, TypeAlias
from uuid import uuid5

import msgspec

from event_store import EVERYTHING, Codec, Cursor, EventStore, Page
from messaging.bus import BEGINNING, Bus, TopicLike
from messaging.consumer import PublicEventLike, count_after, mark_of
from messaging.envelope import Envelope, of_recorded
from messaging.inbox import Claim, Flow, Inbox, Progress
from messaging.pump import Terms, ended, hold
from messaging.tracing import sending
from messaging.watch import LoggingWatch, Watch

__all__ = ["Publish", "Relay"]


Publish: TypeAlias = Callable[[Any, Envelope], PublicEventLike | Sequence[PublicEventLike] | None]
"""Pure: a private event and its envelope to the public events that follow from it, if any."""


class Relay:
    """Publishes what one service has to tell, from the beginning of history.

    One relay of a service works at a time, by a lease on the database's clock; its checkpoint moves only behind
    acknowledged events and only while the lease is its own. After a crash it may publish some events twice, which
    consumers pass over by their mark; never out of order, never not at all. A publishing function that raises halts
    the relay at that event until it is mended: to go on would be to lose a fact.
    """

    def __init__(
        self,
        *,
        service: str,
        store: EventStore,
        codec: Codec[Any],
        publish: Publish,
        bus: Bus,
        topic: TopicLike,
        inbox: Inbox,
        watch: Watch | None = None,
        terms: Terms | None = None,
    ) -> None:
        self._service, self._store, self._codec = service, store, codec
        self._publish, self._bus, self._topic, self._inbox = publish, bus, topic, inbox
        self._watch, self._terms = watch or LoggingWatch(), terms or Terms()
        self._flow = Flow(f"{service}.relay", service)
        self._holder = token_hex(8)

    async def run(self) -> None:
        """See Runnable."""
        await hold(
            self._inbox,
            self._flow,
            self._relay,
            holder=self._holder,
            lease=self._terms.lease,
            watch=self._watch,
        )

    async def standing(self) -> tuple[int, object]:
        """See Runnable."""
        mark = await mark_of(self._inbox, self._flow)
        return await count_after(self._store, mark, EVERYTHING), mark

    async def _relay(self, claim: Claim) -> None:
        mark = claim.mark
        pages = self._store.subscribe(after=Cursor.parse(mark), page_size=self._terms.batch)
        async with ended(pages):
            async for page in pages:
                if str(page.cursor) == mark:
                    continue
                envelopes = await self._outgoing(page)
                if envelopes:
                    with sending(self._bus.system, self._topic, envelopes) as traced:
                        await self._bus.publish(self._topic, traced)
                mark = str(page.cursor)
                await self._inbox.settle(claim, Progress(mark=mark, offset=BEGINNING))
                self._watch.handled(self._flow, len(envelopes))
                self._watch.relayed(recorded.type for recorded in page.events)

    async def _outgoing(self, page: Page) -> list[Envelope]:
        troubles = 0
        while True:
            try:
                return [
                    envelope
                    for recorded in page.events
                    for envelope in self._public(of_recorded(self._service, recorded))
                ]
            except Exception as error:  # noqa: BLE001 - publishing must be mended; nothing may be left out
                troubles += 1
                self._watch.stalled(self._flow, error)
                await asyncio.sleep(self._terms.delay(troubles).total_seconds())

    def _public(self, private: Envelope) -> list[Envelope]:
        answer = self._publish(self._codec.decode(private), private)
        if answer is None:
            return []
        events = answer if isinstance(answer, Sequence) else (answer,)
        return [
            msgspec.structs.replace(
                private,
                # the second and later events of one position get ids and positions of their own, in order
                id=uuid5(private.id, str(index)) if index else private.id,
                position=f"{private.position}.{index:04}" if index else private.position,
                type=event.type_name(),
                data=event.model_dump_json().encode(),
            )
            for index, event in enumerate(events)
        ]
