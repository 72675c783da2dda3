"""Which waiting texts are encoded together: a bounded queue by length, and the rules by which a batch is taken.

    offer ── full, or too long to wait ──> refused at once
          └─ waits in the queue of its length
    take ── a queue has a whole batch, or its oldest has waited for the window ──> that queue's oldest
         └─ otherwise ──> how long until one has

Pure: what the time is and who has given up is told. The queue learns how long the batches of each length take, so that
it refuses what could only be answered too late.
"""

import math
from bisect import bisect_left
from collections import deque
from typing import Final, Generic, Protocol, TypeVar

from gateway.domain.noun import noun

LENGTHS: Final = (16, 32, 64, 96, 128, 192, 256, 384, 512)
"""Upper bounds of the queues, in tokens: texts of one queue waste at most half of a batch on padding."""
_MEMORY: Final = 0.8
"""Share of what was known of a batch's time that is kept when one more is measured: some five batches count."""


class Ticket(Protocol):
    """A text that waits. `is_wanted` turns false when nobody waits for it any more."""

    @property
    def tokens(self) -> int: ...

    @property
    def came_s(self) -> float: ...

    @property
    def is_wanted(self) -> bool: ...


T = TypeVar("T", bound=Ticket)


@noun
class BatchRules:
    """How texts are taken together: seconds, and numbers of texts.

    `ahead` is how many batches may be under way at once. `window_s` 0 takes whatever waits.
    """

    window_s: float
    queue: int
    batch: int
    deadline_s: float
    ahead: int = 1


@noun
class Batch(Generic[T]):
    """Texts to be encoded together, the oldest first. `length` is the bound of the queue that they come from."""

    length: int
    tickets: tuple[T, ...]


class BatchQueue(Generic[T]):
    """The texts that wait, and the batches under way."""

    def __init__(self, rules: BatchRules) -> None:
        self.rules = rules
        self._waiting: dict[int, deque[T]] = {length: deque() for length in LENGTHS}
        self._under_way: list[int] = []
        self._takes_s = dict.fromkeys(LENGTHS, 0.0)
        self._size = 0

    @property
    def size(self) -> int:
        """Tell how many texts wait, given up or not."""
        return self._size

    @property
    def has_room(self) -> bool:
        """Tell whether another batch may be begun."""
        return len(self._under_way) < self.rules.ahead

    @property
    def is_full(self) -> bool:
        """Tell whether a text that came now would have no room, or its turn after its deadline."""
        return self._size >= self.rules.queue or self._ahead_s() > self.rules.deadline_s

    def offer(self, ticket: T) -> bool:
        """Let a text wait; refuse it when the queue is full."""
        if self.is_full:
            return False
        self._waiting[_length_of(ticket.tokens)].append(ticket)
        self._size += 1
        return True

    def take(self, now_s: float) -> Batch[T] | float | None:
        """Return a batch to begin, or the seconds until there will be one, or None while nothing waits.

        Every batch that is taken must be told to be `done`.
        """
        while self._size:
            due_s, length = self._next(now_s)
            if due_s > now_s:
                return due_s - now_s
            batch = self._pop(length)
            if batch.tickets:
                self._under_way.append(length)
                return batch
        return None

    def done(self, length: int, took_s: float) -> None:
        """Note that a batch has ended, and how long it took."""
        self._under_way.remove(length)
        known_s = self._takes_s[length]
        self._takes_s[length] = took_s if known_s == 0.0 else known_s * _MEMORY + took_s * (1.0 - _MEMORY)

    def _next(self, now_s: float) -> tuple[float, int]:
        """Return when the next queue is due, and which: one that is a whole batch at once, another after the window.

        Of those that are due already the one whose oldest came first, so that no length starves another.
        """
        rules = self.rules
        heads = [
            (0.0 if len(waiting) >= rules.batch else rules.window_s, waiting[0].came_s, length)
            for length, waiting in self._waiting.items()
            if waiting
        ]
        _, due_s, length = min(
            (came_s if came_s + wait_s <= now_s else math.inf, came_s + wait_s, length)
            for wait_s, came_s, length in heads
        )
        return due_s, length

    def _pop(self, length: int) -> Batch[T]:
        waiting = self._waiting[length]
        taken: list[T] = []
        while waiting and len(taken) < self.rules.batch:
            ticket = waiting.popleft()
            self._size -= 1
            if ticket.is_wanted:
                taken.append(ticket)
        return Batch(length, tuple(taken))

    def _ahead_s(self) -> float:
        """Return how long what waits and what is under way will take. Of nothing it is 0, so a slow spell passes."""
        batch, takes_s = self.rules.batch, self._takes_s
        total_s = sum([takes_s[length] for length in self._under_way])
        if self._size:
            total_s += sum(
                [-(-len(waiting) // batch) * takes_s[length] for length, waiting in self._waiting.items() if waiting]
            )
        return total_s


def _length_of(tokens: int) -> int:
    return LENGTHS[min(bisect_left(LENGTHS, tokens), len(LENGTHS) - 1)]
