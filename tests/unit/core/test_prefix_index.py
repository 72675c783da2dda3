"""Which servers are believed to have computed how much of a prompt."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.prefix_index import ENTRY_BYTES, TELLABLE_MAX, IndexSettings, PrefixIndex

A, B, C = b"server a", b"server b", b"server c"
SHORT = IndexSettings(generation_s=10.0, generations=3)


def chain(text: str) -> tuple[bytes, ...]:
    """A letter a block: equal texts up to a place have equal names up to there."""
    return tuple(text[:end].encode() for end in range(1, len(text) + 1))


def match(index: PrefixIndex, text: str, now_s: float = 0.0) -> list[int]:
    return index.match(chain(text), [A, B, C], now_s)


def test_of_each_server_the_blocks_from_the_beginning_on_are_counted() -> None:
    index = PrefixIndex()
    assert match(index, "abcd") == [0, 0, 0]
    index.insert(chain("abcd"), A, 0.0)
    index.insert(chain("abxy"), B, 0.0)
    assert match(index, "abcde") == [4, 2, 0]
    assert match(index, "abxyz") == [2, 4, 0]
    assert match(index, "bcd") == [0, 0, 0]
    assert match(index, "") == [0, 0, 0]
    assert index.match(chain("abcd"), [C], 0.0) == [0]


_PROMPTS = st.tuples(st.text("ab", max_size=6), st.sampled_from([A, B, C]))


@given(st.lists(_PROMPTS, max_size=12), st.text("ab", max_size=8))
def test_what_is_found_is_the_longest_beginning_in_common_with_what_was_sent(
    sent: list[tuple[str, bytes]], asked: str
) -> None:
    index = PrefixIndex()
    for text, mark in sent:
        index.insert(chain(text), mark, 0.0)
    expected = [
        max((len(text) for to, text in _beginnings(sent) if to == mark and asked.startswith(text)), default=0)
        for mark in (A, B, C)
    ]
    assert match(index, asked) == expected


def _beginnings(sent: list[tuple[str, bytes]]) -> list[tuple[bytes, str]]:
    return [(mark, text[:end]) for text, mark in sent for end in range(len(text) + 1)]


def test_what_is_not_used_again_goes_after_its_time_and_what_is_used_stays() -> None:
    index = PrefixIndex(SHORT)
    index.insert(chain("abc"), A, 0.0)
    index.insert(chain("xyz"), A, 0.0)
    index.insert(chain("ab"), A, 15.0)
    assert match(index, "abc", 29.0) == [3, 0, 0]
    assert match(index, "abc", 39.0) == [2, 0, 0]
    assert match(index, "xyz", 39.0) == [0, 0, 0]
    assert match(index, "abc", 100.0) == [0, 0, 0]
    assert index.evicted_blocks == 0, "of age, not for want of memory"


def test_memory_is_bounded_and_what_was_used_least_recently_goes_first() -> None:
    index = PrefixIndex(IndexSettings(generations=2, bytes_max=20 * ENTRY_BYTES))
    for number in range(50):
        index.insert([b"%d" % number], A, 0.0)
        index.insert([b"kept"], A, 0.0)
        assert len(index) <= 20 + 2
        assert index.size_bytes == len(index) * ENTRY_BYTES
    assert index.match([b"kept"], [A], 0.0) == [1]
    assert index.match([b"0"], [A], 0.0) == [0]
    assert index.match([b"49"], [A], 0.0) == [1]
    assert index.evicted_blocks > 20


def test_a_server_that_began_anew_has_nothing_and_the_others_keep_theirs() -> None:
    index = PrefixIndex(SHORT)
    for mark in (A, B):
        index.insert(chain("abc"), mark, 0.0)
    index.forget(C)
    index.forget(A)
    assert match(index, "abc") == [0, 3, 0]
    index.insert(chain("ab"), A, 1.0)
    index.insert(chain("abc"), C, 1.0)
    assert match(index, "abc") == [2, 3, 3]


def test_servers_that_begin_anew_again_and_again_take_no_more_bits_than_their_generations_need() -> None:
    index = PrefixIndex(SHORT)
    for step in range(200):
        index.insert(chain("abc"), A, step * 5.0)
        index.forget(A)
        index.insert(chain("xyz"), A, step * 5.0)
        assert match(index, "xyz", step * 5.0) == [3, 0, 0]
        assert match(index, "abc", step * 5.0) == [0, 0, 0]
        index.forget(A)
    assert max(index._bits.values(), default=0) < 1 << 20
    assert len(index._retired) + len(index._free) < 20


@pytest.mark.parametrize(("reported", "left"), [(0, 0), (7, 0), (8, 10), (10, 10)])
def test_who_had_to_compute_again_what_it_was_believed_to_have_has_lost_what_it_used_before_that(
    reported: int, left: int
) -> None:
    index = PrefixIndex(SHORT)
    used_before, used_then, again = (
        chain(
            "older.....",
        ),
        chain("abcdefghij"),
        chain("abcdefghijkl"),
    )
    index.insert(used_before, A, 0.0)
    index.insert(used_then, A, 0.0)
    index.insert(used_then, B, 0.0)
    (expected,) = index.match(again, [A], 12.0)
    index.insert(again, A, 12.0)
    index.correct(again, A, expected, reported, 12.0)
    assert index.match(again, [A, B], 12.0) == [12, 10], "it has computed it all by now"
    assert index.match(used_before, [A], 12.0) == [left]


def test_what_was_used_since_what_was_lost_is_still_believed_in() -> None:
    index = PrefixIndex(SHORT)
    index.insert(chain("old"), A, 0.0)
    index.insert(chain("abcdef"), A, 0.0)
    index.insert(chain("new"), A, 11.0)
    index.insert(chain("abcdef"), A, 22.0)
    index.correct(chain("abcdef"), A, 6, 0, 22.0)
    assert index.match(chain("new"), [A], 22.0) == [3]
    assert index.match(chain("old"), [A], 22.0) == [0]


def test_an_answer_that_comes_late_corrects_what_was_believed_when_it_was_asked_for() -> None:
    index = PrefixIndex(SHORT)
    index.insert(chain("abcdef"), A, 0.0)
    index.insert(chain("abcdef"), A, 12.0)
    index.insert(chain("later"), A, 23.0)
    index.correct(chain("abcdef"), A, 6, 0, 12.0)
    assert index.match(chain("abcdef"), [A], 23.0) == [6], "it was computed at 12 s"


def test_what_servers_are_sent_is_told_once_with_what_is_new_of_it() -> None:
    index = PrefixIndex(SHORT, tells=True)
    index.insert(chain("abc"), A, 0.0)
    index.insert(chain("abcd"), A, 1.0)
    index.insert(chain("abcd"), A, 2.0)
    index.insert(chain("ab"), B, 2.0)
    index.insert(chain("xy"), C, 2.0, heard=True)
    assert index.take_tellable(100) == {A: list(chain("abcd")), B: list(chain("ab"))}
    assert index.take_tellable(100) == {}
    index.insert(chain("ab"), A, 12.0)
    assert index.take_tellable(100) == {A: list(chain("ab"))}, "once a generation, so that it stays with the others too"


def test_what_cannot_be_told_at_once_is_told_later_and_of_too_much_the_oldest_is_not_told() -> None:
    index = PrefixIndex(tells=True)
    for number in range(TELLABLE_MAX + 2):
        index.insert([b"%d" % number], A, 0.0)
    assert index.untold == 2
    assert index.take_tellable(3) == {A: [b"2", b"3", b"4"]}
    assert index.take_tellable(1) == {A: [b"5"]}


def test_where_there_is_nobody_to_tell_nothing_is_kept_for_it() -> None:
    index = PrefixIndex()
    index.insert(chain("abc"), A, 0.0)
    assert index.take_tellable(100) == {}
