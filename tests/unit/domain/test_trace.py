"""A request's place in a trace."""

import pytest

from gateway.domain.trace import Trace

IDS = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.mark.parametrize(("number", "span_id"), [(0, "00f067aa0ba902b8"), (1, "00f067aa0ba902b9")])
def test_each_call_has_a_span_of_its_own(number: int, span_id: str) -> None:
    assert Trace(*IDS, "", True, makes_spans=True).attempt_id(number) == span_id


def test_the_last_span_is_followed_by_the_first() -> None:
    assert Trace(IDS[0], "f" * 16, "", True, makes_spans=True).attempt_id(1) == "0" * 15 + "1"


def test_where_no_spans_are_made_calls_belong_to_the_callers() -> None:
    assert Trace(*IDS, "", True, makes_spans=False).attempt_id(3) == IDS[1]
