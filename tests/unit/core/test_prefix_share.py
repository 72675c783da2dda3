"""What workers tell each other of the servers they share."""

from gateway.core.endpoint_state import OTHERS_VALID_S, EndpointState
from gateway.core.prefix_index import PrefixIndex
from gateway.core.prefix_share import BLOCKS_TOLD_MAX, PrefixShare, Told
from tests.support.tiers import a_tier

MARKS = (b"server a", b"server b")
CHAIN = [b"1", b"12", b"123"]


class Worker:
    """A worker with an index and two servers, and its part in telling."""

    def __init__(self) -> None:
        self.index = PrefixIndex(tells=True)
        self.states = [EndpointState(endpoint) for endpoint in a_tier("small", endpoints=2).endpoints]
        self.share = PrefixShare(self.index, lambda: zip(MARKS, self.states, strict=True))

    def ahead(self, now_s: float) -> list[float]:
        """Return what waits at each server as far as this worker knows."""
        self.share.settle(now_s)
        return [state.ahead_tokens(now_s, 1.0) for state in self.states]


def test_what_one_sent_a_server_the_other_finds_there_and_does_not_tell_again() -> None:
    one, other = Worker(), Worker()
    one.index.insert(CHAIN, MARKS[0], 0.0)
    told = one.share.tell()
    assert told.blocks == {MARKS[0]: CHAIN}
    other.share.hear_blocks(told.blocks, 5.0)
    assert other.index.match(CHAIN, MARKS, 5.0) == [3, 0]
    assert other.share.tell() == Told({}, None)


def test_what_waits_is_told_until_nothing_does_and_that_is_told_once() -> None:
    worker = Worker()
    assert worker.share.tell().pending is None
    worker.states[1].pending_tokens = 700
    assert worker.share.tell().pending == {MARKS[1]: 700}
    assert worker.share.tell().pending == {MARKS[1]: 700}
    worker.states[1].pending_tokens = 0
    assert [worker.share.tell().pending for _ in range(3)] == [{}, None, None]


def test_what_waits_of_others_is_added_up_and_lasts_as_long_as_they_are_heard_of() -> None:
    worker = Worker()
    worker.states[0].pending_tokens = 10
    worker.share.hear_pending("one", {MARKS[0]: 100, b"elsewhere": 7}, 0.0)
    worker.share.hear_pending("two", {MARKS[0]: 1_000, MARKS[1]: 5}, 1.0)
    assert worker.ahead(1.0) == [1_110, 5]
    worker.share.hear_pending("one", {}, 1.5)
    assert worker.ahead(1.5) == [1_010, 5]
    assert worker.ahead(1.0 + OTHERS_VALID_S) == [1_010, 5]
    assert worker.ahead(1.1 + OTHERS_VALID_S) == [10, 0]


def test_much_is_told_in_parts() -> None:
    worker = Worker()
    for number in range(3):
        worker.index.insert([b"%d %d" % (number, at) for at in range(BLOCKS_TOLD_MAX)], MARKS[0], 0.0)
    assert [len(worker.share.tell().blocks.get(MARKS[0], ())) for _ in range(4)] == [BLOCKS_TOLD_MAX] * 3 + [0]
