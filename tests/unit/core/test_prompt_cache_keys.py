"""Keys by which providers find what they have computed."""

from collections import Counter

import pytest

from gateway.core.prompt_cache_keys import PER_MINUTE, SCOPES_MAX, PromptCacheKeys

OPENING, OTHER = b"opening1", b"opening2"


def test_a_beginning_that_is_seldom_asked_for_has_one_key_and_another_has_another() -> None:
    keys = PromptCacheKeys()
    ours = {keys.key_for(OPENING, b"%d" % number, number * 6.0) for number in range(100)}
    assert ours == {f"{OPENING.hex()}-0"}
    assert keys.key_for(OTHER, b"0", 0.0) not in ours


@pytest.mark.parametrize("per_minute", [20, 60, 200])
def test_one_that_is_asked_for_often_is_spread_so_that_no_key_has_too_many(per_minute: int) -> None:
    keys = PromptCacheKeys()
    counts: Counter[str] = Counter()
    for number in range(5 * per_minute):
        now_s = number * 60.0 / per_minute
        key = keys.key_for(OPENING, b"conversation %d" % (number % per_minute), now_s)
        if now_s >= 240.0:
            counts[key] += 1
    assert len(counts) * PER_MINUTE >= per_minute
    assert sum(counts.values()) / len(counts) <= PER_MINUTE
    assert max(counts.values()) <= 2 * PER_MINUTE


def test_a_conversation_keeps_its_key_while_as_much_is_asked() -> None:
    keys = PromptCacheKeys()
    seen: dict[int, set[str]] = {}
    for number in range(600):
        now_s = number * 0.5
        key = keys.key_for(OPENING, b"conversation %d" % (number % 30), now_s)
        if now_s >= 120.0:
            seen.setdefault(number % 30, set()).add(key)
    assert all(len(own) == 1 for own in seen.values())


def test_when_less_is_asked_the_keys_are_fewer_again() -> None:
    keys = PromptCacheKeys()
    for number in range(100):
        keys.key_for(OPENING, b"%d" % number, number * 0.1)
    assert len({keys.key_for(OPENING, b"%d" % number, 11.0) for number in range(50)}) > 4
    quiet = [keys.key_for(OPENING, b"%d" % number, 4_000.0 + number * 10.0) for number in range(30)]
    assert set(quiet) == {f"{OPENING.hex()}-0"}


def test_what_is_counted_is_bounded_and_the_least_recent_goes() -> None:
    keys = PromptCacheKeys()
    for number in range(100):
        keys.key_for(OPENING, b"%d" % number, 0.0)
    for number in range(SCOPES_MAX - 1):
        keys.key_for(b"%d" % number, b"", 0.0)
    assert keys.key_for(OPENING, b"5", 0.0) != f"{OPENING.hex()}-0"
    for number in range(SCOPES_MAX):
        keys.key_for(b"%d" % number, b"", 0.0)
    assert keys.key_for(OPENING, b"5", 0.0) == f"{OPENING.hex()}-0"
