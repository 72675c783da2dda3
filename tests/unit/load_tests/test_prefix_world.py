"""The world that routers are compared in."""

from pathlib import Path

import pytest

from load_tests.prefix_world import (
    BLOCK_TOKENS,
    PER_PROMPT_S,
    SPEED_TOKENS_PER_S,
    Asked,
    Kept,
    Server,
    read_trace,
    replay,
)
from tests.unit.load_tests.prefix_traces import talks, write_traces


class First:
    """Sends everything to the first server, and keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, int, float]] = []

    def choose(self, number: int, asked: Asked) -> int:
        """Name the first."""
        self.told.append(("asked", number, asked.at_s))
        return 0

    def begun(self, number: int, now_s: float) -> None:
        """Keep it."""
        self.told.append(("begun", number, now_s))

    def ended(self, number: int, now_s: float, had_blocks: int) -> None:
        """Keep it, with what the server had."""
        self.told.append((f"had {had_blocks}", number, now_s))


def test_a_server_computes_what_it_has_not_kept_one_prompt_after_the_other() -> None:
    server = Server(Kept(10))
    asked = Asked(5.0, 4 * BLOCK_TOKENS - 12, 1, (b"1", b"2", b"3", b"4"))
    whole_s = asked.prompt_tokens / SPEED_TOKENS_PER_S + PER_PROMPT_S
    assert server.take(asked) == pytest.approx((0, 5.0 + whole_s))
    assert server.take(asked) == pytest.approx((4, 5.0 + whole_s + PER_PROMPT_S)), "the last block is not a whole one"
    longer = Asked(9.0, 6 * BLOCK_TOKENS, 1, (b"1", b"2", b"x", b"4", b"5", b"6"))
    longer_s = 4 * BLOCK_TOKENS / SPEED_TOKENS_PER_S + PER_PROMPT_S
    assert server.take(longer) == pytest.approx((2, 9.0 + longer_s))
    assert server.computed_tokens == asked.prompt_tokens + 4 * BLOCK_TOKENS


def test_of_a_prompt_the_end_is_thrown_out_first_and_of_prompts_the_one_used_least_recently() -> None:
    kept = Kept(5)
    kept.use((b"a1", b"a2", b"a3"))
    kept.use((b"b1", b"b2", b"b3"))
    assert (kept.depth((b"a1", b"a2", b"a3")), kept.depth((b"b1", b"b2", b"b3")), len(kept)) == (2, 3, 5)
    kept.use((b"a1",))
    kept.use((b"c1",))
    assert (kept.depth((b"a1", b"a2")), kept.depth((b"b1", b"b2", b"b3"))) == (1, 3)


def test_routers_are_told_of_beginnings_and_ends_in_the_order_of_their_times() -> None:
    router = First()
    found = replay(talks(2, 2, every_s=1.0), router, 2)
    times_s = [at_s for _, _, at_s in router.told]
    assert times_s == sorted(times_s)
    assert [told[:2] for told in router.told[:2]] == [("asked", 0), ("begun", 0)]
    assert ("had 0", 0) in [told[:2] for told in router.told]
    assert found.cached_share == pytest.approx(4 / 12)
    assert found.imbalance == 2.0, "the other one did nothing"
    assert found.ttft_mean_s <= found.ttft_p99_s


def test_a_trace_is_read_as_it_was_recorded(tmp_path: Path) -> None:
    write_traces(tmp_path)
    trace = read_trace(tmp_path / "mooncake_conversation.jsonl.gz")
    assert (len(trace), trace[1].at_s, trace[1].prompt_tokens, len(trace[1].blocks)) == (12, 0.7, 60 * BLOCK_TOKENS, 60)
    assert trace[0].blocks == trace[3].blocks
    assert trace[0].blocks[0] != trace[1].blocks[0]
