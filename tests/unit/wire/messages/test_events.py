"""How events are written."""

import json

import pytest

from gateway.wire.messages.events import MESSAGE_STOP, PING, named_event
from gateway.wire.sse import decode_events


@pytest.mark.parametrize("written", [PING, MESSAGE_STOP, named_event(b"error", b'{"type":"error"}')])
def test_an_event_is_named_as_its_datas_type(written: bytes) -> None:
    (event,) = decode_events(written)
    assert event.data is not None
    assert json.loads(event.data)["type"].encode() == event.name
