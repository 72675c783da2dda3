"""Places in a trace as headers."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.trace import Trace
from gateway.wire.trace_context import STATE_CHARS_MAX, read_trace, write_trace

TRACE_ID, SPAN_ID = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PLACE = f"00-{TRACE_ID}-{SPAN_ID}-01".encode()
TRACE = Trace(TRACE_ID, SPAN_ID, "", True, makes_spans=False)


@pytest.mark.parametrize(
    ("value", "is_sampled"),
    [
        (PLACE, True),
        (b" " + PLACE + b" ", True),
        (PLACE[:-2] + b"00", False),
        (PLACE[:-2] + b"02", False),
        (PLACE[:-2] + b"ff", True),
        (b"cc" + PLACE[2:], True),
        (b"cc" + PLACE[2:] + b"-what-comes-later", True),
    ],
)
def test_a_callers_place_is_read(value: bytes, is_sampled: bool) -> None:
    read = read_trace([(b"host", b"gateway"), (b"traceparent", value)])
    assert read == replace(TRACE, is_sampled=is_sampled)


@pytest.mark.parametrize(
    "values",
    [
        (),
        (PLACE, PLACE),
        (b"",),
        (b"ff" + PLACE[2:],),
        (PLACE + b"-more",),
        (PLACE + b"x",),
        (PLACE.upper(),),
        (PLACE[:-1],),
        (b"00-" + b"0" * 32 + PLACE[35:],),
        (PLACE[:36] + b"0" * 16 + b"-01",),
        (b"00-1-2-01",),
    ],
)
def test_what_is_no_place_is_passed_over_with_its_state(values: tuple[bytes, ...]) -> None:
    headers = [*((b"traceparent", value) for value in values), (b"tracestate", b"vendor=1")]
    assert read_trace(headers) is None


@pytest.mark.parametrize(
    ("states", "read"),
    [
        ((b"vendor=1",), "vendor=1"),
        ((b"a=1,b=2 ", b" c=3"), "a=1,b=2,c=3"),
        ((b"",), ""),
        ((b"a=\x01",), ""),
        (("ä=1".encode(),), ""),
        ((b"a" * STATE_CHARS_MAX,), "a" * STATE_CHARS_MAX),
        ((b"a" * (STATE_CHARS_MAX + 1),), ""),
    ],
)
def test_the_state_is_handed_on_where_it_is_one(states: tuple[bytes, ...], read: str) -> None:
    trace = read_trace([(b"traceparent", PLACE), *((b"tracestate", state) for state in states)])
    assert trace is not None
    assert trace.state == read


def test_a_place_is_written_for_each_call() -> None:
    assert write_trace(TRACE, 2) == [(b"traceparent", PLACE)]
    ours = replace(TRACE, makes_spans=True, is_sampled=False, state="vendor=1")
    assert write_trace(ours, 0) == [
        (b"traceparent", f"00-{TRACE_ID}-00f067aa0ba902b8-00".encode()),
        (b"tracestate", b"vendor=1"),
    ]


@given(st.binary(max_size=80), st.binary(max_size=600))
def test_whatever_is_read_can_be_written(parent: bytes, state: bytes) -> None:
    for value in (parent, PLACE):
        read = read_trace([(b"traceparent", value), (b"tracestate", state)])
        if read is not None:
            assert read_trace(write_trace(read, 0)) == read
