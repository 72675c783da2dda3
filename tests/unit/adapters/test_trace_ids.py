"""Where traces begin."""

from itertools import count

import pytest

from gateway.adapters.trace_ids import TraceIds
from gateway.domain.trace import Trace

CALLER = Trace("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", "", True, makes_spans=False, state="vendor=1")


def test_ids_are_never_the_same_and_as_long_as_they_must_be() -> None:
    ids = TraceIds(0.5)
    begun = [ids.begin(None) for _ in range(300)]
    assert len({trace.trace_id for trace in begun} | {trace.span_id for trace in begun}) == 600
    assert {(len(each.trace_id), len(each.span_id), each.parent_id, each.makes_spans) for each in begun} == {
        (32, 16, "", True)
    }


def test_the_system_is_asked_for_many_at_once() -> None:
    calls = count()

    def draw(size: int) -> bytes:
        next(calls)
        return bytes(range(256))[:size] * (size // 256 + 1)

    ids = TraceIds(1.0, lambda size: draw(size)[:size])
    for _ in range(128):
        ids.begin(None)
    assert next(calls) == 1


@pytest.mark.parametrize("is_sampled", [True, False])
def test_a_caller_that_has_decided_is_followed(is_sampled: bool) -> None:
    caller = Trace(CALLER.trace_id, CALLER.span_id, "", is_sampled, makes_spans=False, state=CALLER.state)
    begun = TraceIds(0.0 if is_sampled else 1.0).begin(caller)
    assert begun == Trace(
        CALLER.trace_id, begun.span_id, CALLER.span_id, is_sampled, makes_spans=True, state="vendor=1"
    )
    assert begun.span_id != CALLER.span_id


@pytest.mark.parametrize(
    ("share", "low", "is_sampled"),
    [
        (0.0, "0" * 16, False),
        (0.5, "7" + "f" * 15, True),
        (0.5, "8" + "0" * 15, False),
        (1.0, "f" * 16, True),
    ],
)
def test_the_lot_is_the_lower_half_of_the_traces_id(share: float, low: str, is_sampled: bool) -> None:
    ids = TraceIds(share, lambda size: (bytes.fromhex("00" * 8 + low + "11" * 8) * 128)[:size])
    assert ids.begin(None).is_sampled is is_sampled
