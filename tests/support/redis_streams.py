"""Streams as Redis keeps them, in the forms in which the gateway writes and reads them."""

from collections.abc import Sequence
from typing import Final

from tests.support.redis_values import Keyspace, Reply, Stream, StreamId

_NODE_ENTRIES: Final = 100
"""What may be kept beyond `MAXLEN ~`: only whole nodes are dropped."""


def xadd(keys: Keyspace, given: Sequence[bytes]) -> Reply:
    """`XADD key MAXLEN [~] count * field value …`."""
    key, maxlen, *rest = given
    assert maxlen == b"MAXLEN"
    slack = _NODE_ENTRIES if rest[0] == b"~" else 0
    count, at, *fields = rest[1:] if slack else rest
    assert at == b"*"
    entries = keys.make(key, Stream)
    # Ids only ever grow, also where the clock went back.
    last_ms, last_number = max(entries, default=(0, 0))
    now_ms = keys.now_ms()
    entry = (now_ms, 0) if now_ms > last_ms else (last_ms, last_number + 1)
    entries[entry] = fields
    if len(entries) > int(count) + slack:
        for old in list(entries)[: len(entries) - int(count)]:
            del entries[old]
    return _written(entry)


def xrange(keys: Keyspace, given: Sequence[bytes]) -> Reply:
    """`XRANGE key (id + COUNT count`."""
    key, after, end, count, most = given
    assert (after[:1], end, count) == (b"(", b"+", b"COUNT")
    since = _read(after[1:])
    entries = keys.find(key, Stream) or Stream()
    if not entries or next(reversed(entries)) <= since:
        return []
    return _told(entries, [entry for entry in entries if entry > since][: int(most)])


def xrevrange(keys: Keyspace, given: Sequence[bytes]) -> Reply:
    """`XREVRANGE key + - COUNT count`."""
    key, end, start, count, most = given
    assert (end, start, count) == (b"+", b"-", b"COUNT")
    entries = keys.find(key, Stream) or Stream()
    return _told(entries, list(reversed(entries))[: int(most)])


def _told(entries: Stream, wanted: Sequence[StreamId]) -> Reply:
    return [[_written(entry), list(entries[entry])] for entry in wanted]


def _written(entry: StreamId) -> bytes:
    return b"%d-%d" % entry


def _read(written: bytes) -> StreamId:
    at_ms, _, number = written.partition(b"-")
    return int(at_ms), int(number)
