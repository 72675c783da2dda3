"""A mapping bounded by bytes and age."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.adapters.memory_lru import ENTRY_OVERHEAD_BYTES, ByteLru

FOREVER_S = 1e9


def test_the_least_recently_used_goes_first() -> None:
    lru: ByteLru[str] = ByteLru(3 * (ENTRY_OVERHEAD_BYTES + 10))
    for key in "abc":
        lru.put(key, key, 10, FOREVER_S)
    assert lru.get("a", 0.0) == "a"
    lru.put("d", "d", 10, FOREVER_S)
    assert [lru.get(key, 0.0) for key in "abcd"] == ["a", None, "c", "d"]


def test_a_value_is_gone_from_the_instant_it_expires() -> None:
    lru: ByteLru[str] = ByteLru(10_000)
    lru.put("a", "value", 10, expires_s=5.0)
    assert lru.get("a", 4.999) == "value"
    assert lru.get("a", 5.0) is None
    assert (len(lru), lru.used_bytes) == (0, 0)


def test_a_value_larger_than_everything_is_not_kept_and_removes_its_predecessor() -> None:
    lru: ByteLru[str] = ByteLru(2_000)
    lru.put("a", "old", 10, FOREVER_S)
    lru.put("a", "new", 2_000, FOREVER_S)
    assert lru.get("a", 0.0) is None


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 3_000), st.booleans()), max_size=60))
def test_the_bytes_in_use_never_exceed_the_bound_and_always_add_up(steps: list[tuple[str, int, bool]]) -> None:
    lru: ByteLru[int] = ByteLru(5_000)
    sizes: dict[str, int] = {}
    for key, size, is_put in steps:
        if is_put:
            lru.put(key, size, size, FOREVER_S)
            sizes[key] = size
        else:
            lru.drop(key)
        kept = [name for name in "abcdef" if lru.get(name, 0.0) is not None]
        assert lru.used_bytes == sum(sizes[name] + ENTRY_OVERHEAD_BYTES for name in kept) <= 5_000
        assert len(lru) == len(kept)
