"""What is told of the cache, in words."""

from typing import Any

import msgspec
from rich.console import Console

from gateway.app.cli_cache_words import print_explanation, print_purge, print_stats
from tests.support.receipt_samples import A_NEAR_MISS

PURGED = {"entries": 2, "bytes": 3_000, "complete": True, "by_route": {"balanced": 1, "": 1}, "dry_run": False}
SEARCHED = {"index": "redis-vset", "entries": 0, "searches": 1_200, "late": 3, "errors": 0, "mismatches": 1}
IN_MEMORY = {"index": "process", "entries": 4_000, "errors": 0}
EXPLAINED = {
    "would_hit": True,
    "why": "there is an answer",
    "tenant": "team",
    "key": "team/0",
    "partition": "group:both",
    "route": "balanced",
    "entry": "a" * 64,
    "age_s": 5_000,
    "tier": "small",
    "body_bytes": 1_234,
}


def told(print_it: Any, document: dict[str, Any]) -> str:
    console = Console(width=160, record=True, file=None, quiet=False, markup=False, highlight=False)
    with console.capture() as captured:
        print_it(console, document)
    return captured.get()


def test_a_purge_says_how_much_of_which_route() -> None:
    text = told(print_purge, PURGED)
    assert "2 kept answers (3,000 bytes) purged" in text
    assert "1 of route balanced" in text
    assert "1 of route –" in text
    assert "or more" not in text


def test_a_dry_run_says_what_would_be() -> None:
    assert "would be purged" in told(print_purge, {**PURGED, "dry_run": True})


def test_a_purge_that_ran_out_of_time_says_that_nobody_is_given_them_all_the_same() -> None:
    assert "Nobody is given any of them" in told(print_purge, {**PURGED, "complete": False})
    dry = told(print_purge, {**PURGED, "complete": False, "dry_run": True})
    assert "2 or more kept answers" in dry
    assert "Nobody" not in dry


def test_workers_that_did_not_hear_are_told_with_a_way_out() -> None:
    assert "TIERGATE_REDIS_URL" in told(print_purge, {**PURGED, "unreached_workers": 3})


def test_figures_are_a_table() -> None:
    rows = [
        {
            "tenant": "team",
            "route": "balanced",
            "requests": {"exact": 1_200, "miss": 3},
            "saved_tokens": 45_000,
            "saved_usd": "0.12",
            "saved_s": 90.0,
        },
        {
            "tenant": "guest",
            "route": "balanced",
            "requests": {"off": 1},
            "saved_tokens": 0,
            "saved_usd": "0.00",
            "saved_s": 0.0,
        },
    ]
    store = {"state": "connected", "entries": 7, "used_bytes": 9_000, "errors": 2, "lost": 0}
    held = {"entries": 5, "bytes": 800, "complete": False}
    text = told(print_stats, {"store": store, "semantic": SEARCHED, "rows": rows, "held": held})
    for part in ("connected", "entries 7", "errors 2", "5 or more answers", "1,200", "45,000", "90.0 s", "guest"):
        assert part in text
    assert "lost" not in text
    assert "by redis-vset, 1,200 searches, late 3, mismatches 1" in text


def test_without_requests_there_is_no_table() -> None:
    text = told(print_stats, {"store": {"entries": 0, "hits": 0}, "semantic": IN_MEMORY, "rows": []})
    assert "none" in text
    assert "tenant" not in text
    assert "by process, 4,000 questions in memory" in text


def test_an_explanation_says_why_and_whose() -> None:
    text = told(print_explanation, EXPLAINED)
    for part in ("a kept one", "there is an answer", "group:both", "5,000 s ago", "1,234 bytes", "a" * 64):
        assert part in text
    bare = {**EXPLAINED, "would_hit": False, "entry": None, "age_s": None}
    assert "none from the cache" in told(print_explanation, bare)
    assert "ago" not in told(print_explanation, bare)


def test_an_explanation_tells_the_look_for_other_words() -> None:
    text = told(print_explanation, {**EXPLAINED, "semantic": msgspec.to_builtins(A_NEAR_MISS)})
    assert "0.930 is wanted" in text
