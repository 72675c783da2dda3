"""The rules that the gateway's own is compared with."""

import pytest

from load_tests.prefix_rules import (
    RULES,
    SGLANG_ABSOLUTE,
    RuleRouter,
    View,
    greedy,
    least_pending,
    llm_d,
    round_robin,
    sglang,
)
from load_tests.prefix_world import BLOCK_TOKENS, Asked, replay
from tests.unit.load_tests.prefix_traces import talks

ASKED = Asked(0.0, 10 * BLOCK_TOKENS, 1, tuple(b"%d" % at for at in range(10)))


def view(pending_tokens: list[int] | None = None) -> View:
    made = View(3)
    made.pending_tokens = pending_tokens or [0, 0, 0]
    return made


def test_round_robin_takes_one_after_the_other() -> None:
    rule = round_robin()
    assert [rule(view(), ASKED, [0, 0, 9]) for _ in range(4)] == [0, 1, 2, 0]


def test_least_pending_looks_at_nothing_else_and_greedy_adds_what_is_its_own() -> None:
    assert least_pending(view([5, 3, 4]), ASKED, [10, 0, 9]) == 1
    assert greedy(view([0, 0, 4_000]), ASKED, [0, 1, 9]) == 2
    assert greedy(view([0, 0, 4_200]), ASKED, [0, 1, 9]) == 1


def test_sglang_goes_where_much_matches_else_to_the_smallest_tree_and_by_load_where_that_is_uneven() -> None:
    known = view()
    for server in (0, 1):
        known.kept[server].use(ASKED.blocks)
    assert sglang(known, ASKED, [0, 4, 0]) == 1
    assert sglang(known, ASKED, [0, 3, 0]) == 2
    known.running = [0, SGLANG_ABSOLUTE + 1, 5]
    assert sglang(known, ASKED, [0, 10, 0]) == 0


def test_llm_d_adds_up_match_queue_and_free_cache() -> None:
    known = view()
    assert llm_d(known, ASKED, [0, 5, 0]) == 1
    known.waiting = [0, 4, 4]
    assert llm_d(known, ASKED, [0, 5, 0]) == 0
    known.waiting = [0, 0, 0]
    known.held_tokens = [0, 10**9, 10**9]
    assert llm_d(known, ASKED, [0, 5, 0]) == 0


@pytest.mark.parametrize("name", RULES)
def test_every_rule_leaves_nothing_behind_when_all_is_answered(name: str) -> None:
    router = RuleRouter(RULES[name](), 3)
    trace = talks()
    replay([*trace, Asked(1e6, BLOCK_TOKENS, 1, (b"last",))], router, 3)
    seen = router._view
    assert sum(seen.pending_tokens) == BLOCK_TOKENS
    assert (sum(seen.waiting), sum(seen.running), sum(seen.held_tokens)) == (1, 1, BLOCK_TOKENS)
