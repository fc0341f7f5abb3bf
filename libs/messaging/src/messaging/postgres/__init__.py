"""Bus and inbox in PostgreSQL: the embedded bus in a database of its own, an inbox in each service's."""

from messaging.postgres.bus import PostgresBus
from messaging.postgres.inbox import PostgresInbox

__all__ = ["PostgresBus", "PostgresInbox"]
