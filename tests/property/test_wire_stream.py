"""However a stream's bytes arrive, the same passes and the same is learnt."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway.wire.sse import StreamMalformed, decode_events
from gateway.wire.stream_scanner import StreamScanner

TEXTS = st.text(st.characters(codec="utf-8"), max_size=6) | st.sampled_from(["", "😀", '"usage":null', "\n", "[DONE]"])
DELTAS = st.fixed_dictionaries({}, optional={"role": st.just("assistant"), "content": TEXTS | st.none()})
CHOICES = st.fixed_dictionaries(
    {"index": st.integers(0, 3), "delta": DELTAS, "finish_reason": st.sampled_from([None, "stop"])}
)
COUNTS = st.integers(0, 99)
USAGES = st.none() | st.fixed_dictionaries({"prompt_tokens": COUNTS, "completion_tokens": COUNTS})
CHUNKS = st.fixed_dictionaries({"choices": st.lists(CHOICES, max_size=2) | st.none()}, optional={"usage": USAGES})
LINE_ENDS = st.sampled_from([b"\n", b"\r\n", b"\r"])


@st.composite
def events(draw: st.DrawFn) -> bytes:
    """One event of any kind, in any of its spellings."""
    end = draw(LINE_ENDS)
    kind = draw(st.integers(0, 9))
    if kind == 0:
        return b": comment" + end + end
    if kind == 1:
        return (
            draw(st.sampled_from([b"data: [DONE]", b'data: {"error":{"message":"x"}}', b"data:", b"id: 1"])) + end + end
        )
    separators = draw(st.sampled_from([(",", ":"), (", ", ": ")]))
    payload = json.dumps(draw(CHUNKS), ensure_ascii=draw(st.booleans()), separators=separators).encode()
    return b"data:" + draw(st.sampled_from([b" ", b""])) + payload + end + end


STREAMS = st.tuples(st.sampled_from([b"", b"\xef\xbb\xbf"]), st.lists(events(), max_size=6)).map(
    lambda parts: parts[0] + b"".join(parts[1])
)


def scan(reads: list[bytes], include_usage: bool) -> tuple[bytes, tuple[Any, ...]]:
    scanner = StreamScanner(include_usage=include_usage)
    passed = b"".join([scanner.feed(read) for read in reads]) + scanner.finish()
    facts = (
        scanner.has_content,
        scanner.content_chunks,
        scanner.usage,
        scanner.finish_reason,
        scanner.done,
        scanner.error,
        scanner.model,
    )
    return passed, facts


@given(STREAMS, st.booleans())
def test_a_stream_cut_at_every_byte_gives_the_same(stream: bytes, include_usage: bool) -> None:
    whole = scan([stream], include_usage)
    assert scan([stream[at : at + 1] for at in range(len(stream))], include_usage) == whole
    for at in range(1, len(stream), 7):
        assert scan([stream[:at], stream[at:]], include_usage) == whole


@given(STREAMS, st.lists(st.integers(1, 40), max_size=30), st.booleans())
def test_a_stream_cut_anyhow_gives_the_same(stream: bytes, sizes: list[int], include_usage: bool) -> None:
    reads, at = [], 0
    for size in sizes:
        reads.append(stream[at : at + size])
        at += size
    assert scan([*reads, stream[at:]], include_usage) == scan([stream], include_usage)


@given(st.lists(events(), max_size=6))
def test_what_passes_is_what_came_where_usage_was_asked_for(parts: list[bytes]) -> None:
    passed, facts = scan(parts, include_usage=True)
    kept = []
    for part in parts:
        if b"[DONE]\n" in part or b"[DONE]\r" in part or b'{"error"' in part:
            break
        kept.append(part)
    wanted = b"".join(part for part in kept if part.strip() != b"data:")
    assert passed == wanted or facts[5] is not None


@given(st.binary(max_size=200), st.booleans())
def test_noise_raises_nothing_but_malformed(noise: bytes, include_usage: bool) -> None:
    scanner = StreamScanner(include_usage=include_usage)
    try:
        scanner.feed(noise)
    except StreamMalformed:
        return
    scanner.finish()


@given(STREAMS)
def test_every_data_event_that_passes_is_one_that_came(stream: bytes) -> None:
    passed, _ = scan([stream], include_usage=True)
    came = [event.data for event in decode_events(stream)]
    assert all(event.data in came for event in decode_events(passed))
