"""What every bus and inbox must keep, and tools to test services over them.

An adapter's test module subclasses the suites and gives the fixtures `open_bus` and `open_inbox`; every call of one
is another process's view of the same bus or inbox.
"""

from messaging.testing.buses import BusConformance, OpenBus
from messaging.testing.consumers import ConsumerConformance
from messaging.testing.driving import drain, running, told, until
from messaging.testing.inboxes import InboxConformance, OpenInbox
from messaging.testing.samples import (
    TOPIC,
    Counted,
    Ledger,
    NowClock,
    QuietWatch,
    envelope,
    envelopes,
)

__all__ = [
    "TOPIC",
    "BusConformance",
    "ConsumerConformance",
    "Counted",
    "InboxConformance",
    "Ledger",
    "NowClock",
    "OpenBus",
    "OpenInbox",
    "QuietWatch",
    "drain",
    "envelope",
    "envelopes",
    "running",
    "told",
    "until",
]
