"""How the events of this dialect are written: each has a name, beside the same as the type of its data."""

from typing import Final

PING: Final = b'event: ping\ndata: {"type": "ping"}\n\n'
"""A sign of life, which clients skip."""
MESSAGE_STOP: Final = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
"""What ends a stream that is whole."""


def named_event(name: bytes, payload: bytes) -> bytes:
    """Write an event. `payload` must be of one line, as JSON is."""
    return b"event: %b\ndata: %b\n\n" % (name, payload)
