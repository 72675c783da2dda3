"""Texts that must not be found anywhere, and the search for them in whatever a gateway wrote."""

import base64
from collections.abc import Iterator, Mapping
from urllib.parse import quote_from_bytes

Canaries = Mapping[str, bytes]
"""What each of them stands for, and its text."""


def leaks(sinks: Mapping[str, bytes], canaries: Canaries) -> list[tuple[str, str]]:
    """Return which sink has which canary in it, as it is or written in one of the usual ways."""
    wanted = {name: tuple(_ways(text)) for name, text in canaries.items()}
    return [
        (sink, name)
        for sink, written in sinks.items()
        for name, ways in wanted.items()
        if any(way in written or way in written.lower() for way in ways)
    ]


def _ways(text: bytes) -> Iterator[bytes]:
    yield text
    yield text.lower()
    yield text.hex().encode()
    yield quote_from_bytes(text).encode()
    # In base64 what stands before decides how it is cut into sixes; the ends, which neighbours share, are left out.
    for before in range(3):
        written = base64.b64encode(b"\0" * before + text).rstrip(b"=")
        yield written[4:-4]
