import logging

import pytest

from messaging import Flow, LoggingWatch
from messaging.testing import envelope


def test_the_exceptional_is_logged_and_bodies_and_texts_of_errors_are_not(
    caplog: pytest.LogCaptureFixture,
) -> None:
    watch, event = LoggingWatch(), envelope(1, data=b'{"name":"Ivan"}')
    with caplog.at_level(logging.DEBUG):
        watch.handled(Flow("billing", "booking.events"), 500)
        watch.lag(Flow("billing", "booking.events"), 3)
        watch.relayed(["PaymentFailed.v1"])
        watch.rejected("billing", event, "SLOT_TAKEN")
        watch.failed("billing", event, ValueError("Ivan"), 2)
        watch.parked("billing", event.key, quarantined=False)
        watch.parked("billing", event.key, quarantined=True)
        watch.stalled(Flow("booking.relay", "booking"), ValueError("Ivan"))
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("INFO", "event.rejected"),
        ("WARNING", "event.failed"),
        ("WARNING", "key.stepped_aside"),
        ("ERROR", "key.quarantined"),
        ("ERROR", "messaging.stalled"),
    ]
    assert not [record for record in caplog.records if "Ivan" in str(vars(record))]
    assert vars(caplog.records[1])["error"] == "ValueError"
    assert vars(caplog.records[1])["event_id"] == str(event.id)
