"""The event store on KurrentDB 25 and later, or EventStoreDB 23.10 and 24.10."""

from event_store.kurrent.store import KurrentEventStore

__all__ = ["KurrentEventStore"]
