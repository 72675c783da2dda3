"""Texts to the encoder and back, several in one pass, and never later than they are of use.

    encode ── no encoder, queue full, or its turn too late ──> answered at once: error, overload
           └─ waits ── its batch passes through ──> encoded
                    ├─ the deadline comes first ──> timeout; what comes of it later is dropped
                    └─ the pass fails ──> error

The event loop plans and a thread of its own passes the batches through, so the loop waits for none. When a pass fails
on a GPU, the spare (the same encoder on the CPU) takes its place until a restart; without one nobody is made to wait.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Protocol, TypeVar

from gateway.adapters.encoder_model import CannotEncode, Encoded, EncoderFailed, EncoderModel, encode_rows
from gateway.core.batching import Batch, BatchQueue, BatchRules
from gateway.domain.ability import ClassifierOutcome
from gateway.ports import Clock

T = TypeVar("T")


class Aside(Protocol):
    """Runs something where it does not hold up the event loop, one thing after the other."""

    def __call__(self, work: Callable[[], T]) -> Awaitable[T]: ...


class Timer(Protocol):
    """Something that will happen unless it is cancelled."""

    def cancel(self) -> None: ...


CallLater = Callable[[float, Callable[[], None]], Timer]


@dataclass(frozen=True, slots=True)
class Lane:
    """An encoder on one device, and what holds there. `tokens` is the longest text it reads, the ends included."""

    model: EncoderModel
    rules: BatchRules
    tokens: int
    outcome: ClassifierOutcome


@dataclass(frozen=True, slots=True)
class BatchReport:
    """One batch as it was begun, for metrics. Seconds that each of its texts waited."""

    device: str
    waited_s: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Watch:
    """Who is told what happens: batches begun, passes that failed by device, and, in words, what ops should know."""

    begun: Callable[[BatchReport], None]
    failed: Callable[[str], None]
    note: Callable[[str], None]


class _Waiting:
    """A text that waits for the encoder. Holds to `batching.Ticket`."""

    __slots__ = ("answer", "came_s", "row", "tokens")

    def __init__(self, row: Sequence[int], came_s: float) -> None:
        self.row = row
        self.tokens = len(row)
        self.came_s = came_s
        self.answer: asyncio.Future[Encoded | ClassifierOutcome] = asyncio.get_running_loop().create_future()

    @property
    def is_wanted(self) -> bool:
        return not self.answer.done()

    def settle(self, answer: Encoded | ClassifierOutcome) -> None:
        """Answer, unless it was answered before or nobody waits."""
        if not self.answer.done():
            self.answer.set_result(answer)


class EncoderBatches:
    """The encoder for everybody at once."""

    def __init__(
        self,
        lane: Lane,
        *,
        padding: int,
        aside: Aside,
        clock: Clock,
        call_later: CallLater,
        watch: Watch,
        spare: Callable[[], Lane] | None = None,
    ) -> None:
        """Begin with `lane`; `spare` makes the lane that takes its place, and may raise CannotEncode."""
        self._lane: Lane | None = lane
        self._spare = spare
        self._padding = padding
        self._aside = aside
        self._clock = clock
        self._call_later = call_later
        self._watch = watch
        self._queue: BatchQueue[_Waiting] = BatchQueue(lane.rules)
        self._due: deque[_Waiting] = deque()
        self._window: Timer | None = None
        self._deadline: Timer | None = None
        self._passes: set[asyncio.Task[None]] = set()
        self._has_failed = False

    @property
    def lane(self) -> Lane | None:
        """The encoder in use; None when there is none any more."""
        return self._lane

    @property
    def is_full(self) -> bool:
        """Tell whether a text that came now would be refused: it need not be cut into words for that."""
        return self._queue.is_full

    async def encode(self, row: Sequence[int]) -> Encoded | ClassifierOutcome:
        """Encode one text, or tell why not: timeout, overload or error."""
        if self._lane is None:
            return ClassifierOutcome.ERROR
        waiting = _Waiting(row, self._clock.now_s())
        if not self._queue.offer(waiting):
            return ClassifierOutcome.OVERLOAD
        self._due.append(waiting)
        if self._deadline is None:
            self._deadline = self._call_later(self._queue.rules.deadline_s, self._expire)
        self._begin()
        return await waiting.answer

    async def aclose(self) -> None:
        """Answer everybody who waits, and wait for the passes under way."""
        self._lane = None
        self._give_up()
        if self._passes:
            await asyncio.wait(self._passes)

    def _begin(self) -> None:
        """Begin what is due; otherwise come back when something will be."""
        if self._window is not None:
            self._window.cancel()
            self._window = None
        while (lane := self._lane) is not None and self._queue.has_room:
            taken = self._queue.take(self._clock.now_s())
            if not isinstance(taken, Batch):
                if taken is not None:
                    self._window = self._call_later(taken, self._begin)
                return
            task = asyncio.get_running_loop().create_task(self._pass(lane, self._queue, taken))
            self._passes.add(task)
            task.add_done_callback(self._passes.discard)

    async def _pass(self, lane: Lane, queue: BatchQueue[_Waiting], batch: Batch[_Waiting]) -> None:
        began_s = self._clock.now_s()
        self._watch.begun(BatchReport(lane.model.device, tuple(began_s - each.came_s for each in batch.tickets)))
        rows = [each.row for each in batch.tickets]
        try:
            encoded = await self._aside(partial(encode_rows, lane.model, rows, self._padding))
        except EncoderFailed as failure:
            for each in batch.tickets:
                each.settle(ClassifierOutcome.ERROR)
            await self._failed(lane, failure)
        else:
            for each, answer in zip(batch.tickets, encoded, strict=True):
                each.settle(answer)
        finally:
            queue.done(batch.length, self._clock.now_s() - began_s)
        self._begin()

    async def _failed(self, lane: Lane, failure: EncoderFailed) -> None:
        """Count a failed pass; put the spare in the place of an encoder that has one. Told once, not each time."""
        self._watch.failed(lane.model.device)
        if lane is not self._lane:
            return
        spare, self._spare = self._spare, None
        if spare is None:
            if not self._has_failed:
                self._watch.note(f"{failure}. The stage before it decides; this is told once, and counted each time")
            self._has_failed = True
            return
        self._watch.note(f"{failure}. It goes on without the GPU until a restart")
        self._lane = None
        self._give_up()
        try:
            self._lane = await self._aside(spare)
        except CannotEncode as trouble:
            self._watch.note(f"{trouble}. There is no encoder until a restart; the stage before it decides")
            return
        self._queue = BatchQueue(self._lane.rules)

    def _give_up(self) -> None:
        """Answer everybody who waits that there is no encoder."""
        for timer in (self._window, self._deadline):
            if timer is not None:
                timer.cancel()
        self._window = self._deadline = None
        while self._due:
            self._due.popleft().settle(ClassifierOutcome.ERROR)

    def _expire(self) -> None:
        """Answer those whose time is up, and come back for the next one. All wait equally long: the oldest is first."""
        self._deadline = None
        now_s, deadline_s = self._clock.now_s(), self._queue.rules.deadline_s
        while self._due:
            left_s = self._due[0].came_s + deadline_s - now_s
            if self._due[0].is_wanted and left_s > 0.0:
                self._deadline = self._call_later(left_s, self._expire)
                return
            self._due.popleft().settle(ClassifierOutcome.TIMEOUT)


class OneThread:
    """Holds to `Aside` with one thread."""

    def __init__(self, name: str) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)

    def __call__(self, work: Callable[[], T]) -> Awaitable[T]:
        """Run it in the thread."""
        return asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def aclose(self) -> None:
        """Wait for what is under way, without holding up the event loop."""
        await asyncio.to_thread(self._thread.shutdown)
