"""Which texts go together, and which are refused."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.batching import LENGTHS, Batch, BatchQueue, BatchRules

RULES = BatchRules(window_s=2.0, queue=8, batch=3, deadline_s=20.0)


@dataclass
class Text:
    """A ticket."""

    tokens: int
    came_s: float = 0.0
    is_wanted: bool = True


def queue(*texts: Text, rules: BatchRules = RULES) -> BatchQueue[Text]:
    made: BatchQueue[Text] = BatchQueue(rules)
    for text in texts:
        assert made.offer(text)
    return made


def test_nothing_waits_at_first() -> None:
    assert queue().take(0.0) is None


def test_one_text_waits_for_others_no_longer_than_the_window() -> None:
    made = queue(Text(10))
    assert made.take(0.5) == 1.5
    assert made.take(2.0) == Batch(16, (Text(10),))
    assert made.take(2.0) is None
    assert made.size == 0


def test_a_whole_batch_waits_for_nothing_and_takes_the_oldest() -> None:
    texts = [Text(10, came_s) for came_s in (0.0, 0.1, 0.2, 0.3)]
    made = queue(*texts)
    assert made.take(0.3) == Batch(16, tuple(texts[:3]))
    assert made.size == 1


def test_texts_of_different_lengths_do_not_share_a_batch() -> None:
    made = queue(Text(10), Text(17), Text(16))
    assert made.take(2.0) == Batch(16, (Text(10), Text(16)))
    assert made.take(2.0) == Batch(32, (Text(17),))


def test_of_two_lengths_that_are_due_the_one_that_came_first_goes_first() -> None:
    made = queue(Text(100, 0.0), Text(10, 0.5), Text(10, 0.6), Text(10, 0.7))
    first = made.take(3.0)
    assert isinstance(first, Batch)
    assert first.length == 128


def test_a_text_longer_than_every_bound_waits_with_the_longest() -> None:
    taken = queue(Text(10_000)).take(2.0)
    assert isinstance(taken, Batch)
    assert taken.length == LENGTHS[-1]


def test_who_has_given_up_is_left_out_and_makes_no_batch_of_its_own() -> None:
    made = queue(Text(10, is_wanted=False), Text(30))
    assert made.take(2.0) == Batch(32, (Text(30),))
    assert made.size == 0


def test_a_full_queue_refuses() -> None:
    made = queue(*[Text(10)] * 8)
    assert not made.offer(Text(10))
    made.take(0.0)
    assert made.offer(Text(10))


def test_so_many_batches_are_under_way_as_the_rules_allow() -> None:
    made = queue(Text(10))
    found = [made.has_room]
    made.take(2.0)
    found.append(made.has_room)
    made.done(16, 1.0)
    found.append(made.has_room)
    assert found == [True, False, True]


def measured(takes_s: float, rules: BatchRules = RULES) -> BatchQueue[Text]:
    made = queue(Text(10), rules=rules)
    made.take(99.0)
    made.done(16, takes_s)
    return made


def test_a_text_whose_turn_would_come_too_late_is_refused_at_once() -> None:
    made = measured(15.0)
    assert made.offer(Text(10))
    assert made.offer(Text(10))
    assert made.take(99.0) is not None
    assert made.offer(Text(10)), "15 s of what is under way lie ahead"
    assert not made.offer(Text(10)), "30 s lie ahead"


def test_a_slow_spell_passes_since_an_idle_encoder_takes_whatever_comes() -> None:
    made = measured(1_000.0)
    for _ in range(40):
        assert made.offer(Text(10))
        made.take(99.0)
        made.done(16, 1.0)
    assert made.offer(Text(10))
    assert made.offer(Text(10))


@given(st.lists(st.tuples(st.integers(1, 600), st.booleans(), st.booleans()), max_size=80), st.floats(0.0, 3.0))
def test_every_text_that_is_wanted_comes_out_once_in_a_batch_of_its_length(
    steps: list[tuple[int, bool, bool]], window_s: float
) -> None:
    rules = BatchRules(window_s=window_s, queue=20, batch=3, deadline_s=1e9)
    made: BatchQueue[Text] = BatchQueue(rules)
    let_in, out = [], []
    for now, (tokens, is_wanted, takes) in enumerate(steps):
        text = Text(tokens, float(now), is_wanted)
        if made.offer(text):
            let_in.append(text)
        if takes and isinstance(batch := made.take(float(now)), Batch):
            out.append(batch)
            made.done(batch.length, 0.5)
    while isinstance(batch := made.take(1e6), Batch):
        out.append(batch)
        made.done(batch.length, 0.5)
    texts = [text for batch in out for text in batch.tickets]
    assert sorted(map(id, texts)) == sorted(id(text) for text in let_in if text.is_wanted)
    assert all(0 < len(batch.tickets) <= 3 for batch in out)
    for batch in out:
        assert all(text.tokens <= batch.length or batch.length == LENGTHS[-1] for text in batch.tickets)
        assert [text.came_s for text in batch.tickets] == sorted(text.came_s for text in batch.tickets)
    assert made.size == 0


def test_a_batch_must_have_been_taken_to_be_done() -> None:
    with pytest.raises(ValueError, match="not in list"):
        queue().done(16, 1.0)
