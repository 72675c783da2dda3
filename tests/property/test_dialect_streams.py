"""A chat's stream is told in another dialect the same, whether its events are read or known by their looks."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.request import Operation
from gateway.wire.dialects import DIALECTS
from gateway.wire.sse import DONE, PING, data_event

ASKED = b'{"model":"auto","input":"Hello"}'
TEXTS = st.text(st.characters(codec="utf-8"), max_size=4) | st.sampled_from(["a", "", "\n", '"', "\\", "😀"])
CHOICES = st.one_of(
    TEXTS.map(lambda text: {"index": 0, "delta": {"content": text}}),
    TEXTS.map(lambda text: {"index": 0, "delta": {"role": "assistant", "content": text}}),
    st.sampled_from(
        [
            {"index": 0, "delta": {"reasoning": "Hm"}},
            {"index": 0, "delta": {"refusal": "no"}},
            {"index": 0, "delta": {"tool_calls": [{"index": 0, "id": "c", "function": {"name": "f"}}]}},
            {"index": 0, "delta": {}, "finish_reason": "stop"},
            None,
        ]
    ),
)


def event(choice: dict[str, Any] | None, *, escapes: bool, **members: int) -> bytes:
    """Write a chunk with this choice, or a sign of life."""
    if choice is None:
        return PING
    return data_event(json.dumps({**members, "choices": [choice]}, ensure_ascii=escapes).encode())


@pytest.mark.parametrize("operation", DIALECTS)
@settings(max_examples=60)
@given(st.lists(CHOICES, max_size=10), st.lists(st.integers(1, 400), max_size=6), st.booleans())
def test_a_stream_is_told_the_same_however_it_comes(
    operation: Operation, choices: list[dict[str, Any] | None], sizes: list[int], escapes: bool
) -> None:
    def told(reads: list[bytes]) -> bytes:
        writer = DIALECTS[operation].writer(ASKED)
        return b"".join([writer.feed(read) for read in [*reads, DONE]])

    alike = [event(choice, escapes=escapes) for choice in choices]
    stream = b"".join(alike)
    cuts = [0, *(sum(sizes[: number + 1]) for number in range(len(sizes))), len(stream)]
    # A member of its own keeps each from being known by those before it.
    read = told([event(choice, escapes=escapes, seen=number) for number, choice in enumerate(choices)])
    assert told(alike) == read
    assert told([stream]) == read
    assert told([stream[at:until] for at, until in pairwise(cuts)]) == read
