"""What a change of state is logged as."""

import logging

import pytest

from gateway.app.events import EVENT, FACTS, LogEvent, marked


def test_a_record_carries_its_event_and_what_it_is_about(caplog: pytest.LogCaptureFixture) -> None:
    log = logging.getLogger("tiergate")
    with caplog.at_level(logging.INFO, "tiergate"):
        log.info("back", extra=marked(LogEvent.ENDPOINT_BACK, endpoint="small/0"))
    (record,) = caplog.records
    assert (getattr(record, EVENT), getattr(record, FACTS)) == ("endpoint_back", {"endpoint": "small/0"})
