"""No failure of an embedder becomes a request's."""

import asyncio

import pytest

from gateway.adapters.embedder_guarded import AWAY_S, FAILURES, GuardedEmbedder
from tests.support.clocks import ManualClock

VECTOR = bytes((1, 0, 255, 7))


class Embedder:
    """Gives what it is told to give, or never answers."""

    name = "fake 1"

    def __init__(self, gives: bytes | Exception | None = VECTOR) -> None:
        self.gives = gives
        self.asked = 0
        self.answers = asyncio.Event()
        self.answers.set()

    async def embed(self, text: str) -> bytes | None:
        self.asked += 1
        await self.answers.wait()
        if isinstance(self.gives, Exception):
            raise self.gives
        return self.gives


def guarded(embedder: Embedder, clock: ManualClock | None = None) -> GuardedEmbedder:
    return GuardedEmbedder(embedder, len(VECTOR), clock or ManualClock(), within_s=0.001)


async def test_a_sound_vector_comes_through_under_the_embedders_name() -> None:
    embedder = guarded(Embedder())
    assert await embedder.embed("text") == VECTOR
    assert (embedder.name, embedder.stats()["failures"]) == ("fake 1", 0)


async def test_a_text_without_an_embedding_is_no_failure() -> None:
    embedder = guarded(Embedder(gives=None))
    for _ in range(2 * FAILURES):
        assert await embedder.embed("") is None
    assert embedder.stats() == {"failures": 0, "left_alone": 0}


@pytest.mark.parametrize("odd", [b"", bytes(4), VECTOR + b"\x01", ValueError("not a number"), RuntimeError("session")])
async def test_case_47_what_is_no_vector_is_a_miss_and_five_in_a_row_leave_the_embedder_alone(
    odd: bytes | Exception,
) -> None:
    inner, clock = Embedder(odd), ManualClock()
    embedder = guarded(inner, clock)
    for _ in range(FAILURES + 3):
        assert await embedder.embed("text") is None
    assert inner.asked == FAILURES
    assert embedder.stats() == {"failures": FAILURES, "left_alone": 3}


async def test_case_47_an_embedder_that_stalls_is_not_waited_for() -> None:
    inner = Embedder()
    inner.answers.clear()
    assert await guarded(inner).embed("text") is None


async def test_after_a_while_one_question_tells_whether_it_is_well_again() -> None:
    inner, clock = Embedder(b""), ManualClock()
    embedder = guarded(inner, clock)
    for _ in range(FAILURES):
        await embedder.embed("text")
    clock.advance(AWAY_S)
    assert await embedder.embed("text") is None
    assert await embedder.embed("text") is None
    assert inner.asked == FAILURES + 1
    clock.advance(AWAY_S)
    inner.gives = VECTOR
    assert await embedder.embed("text") == VECTOR
    inner.gives = b""
    assert await embedder.embed("text") is None
    inner.gives = VECTOR
    assert await embedder.embed("text") == VECTOR
