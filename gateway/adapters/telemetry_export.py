"""Sends what telemetry there is to a collector, from a thread of its own: no request waits for it.

requests that end ─ chosen ─▶ bounded queue ─▶ thread ─ spans ─▶ collector
figures of all requests ──── every minute ────▶ thread ─ metrics ─▶ collector
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from threading import Event, Thread
from typing import Final, Protocol

from gateway.adapters.genai_figures import Figures
from gateway.adapters.telemetry_choice import is_exported
from gateway.domain.ids import RequestId
from gateway.domain.receipt import Receipt

WAITING_MAX: Final = 4_096
"""Requests whose spans are not made yet, some 3 kB each; then the oldest are dropped and counted."""
BATCH: Final = 256
"""Requests whose spans go out in one message, some 300 kB of it."""
SEND_EVERY_S: Final = 1.0
"""A quiet gateway's spans are seen this soon."""


class Sender(Protocol):
    """Makes messages and sends them. Blocks, for as long as it is set to; belongs to the thread."""

    def send_spans(self, receipts: Sequence[Receipt], prompts: Mapping[RequestId, str]) -> bool:
        """Send the spans of these requests, with the prompts of some; tell whether the collector took them."""

    def send_figures(self, figures: Figures) -> bool:
        """Send these figures; tell whether the collector took them."""

    def close(self) -> None:
        """Let go of the connection."""


class SpanExport:
    """A recorder that hands requests to a thread, which makes their spans and sends them.

    `tell` is told False when the collector is lost, and True when it is back; from the thread.
    """

    def __init__(
        self,
        sender: Sender,
        *,
        slow_s: float,
        tell: Callable[[bool], None],
        waiting_max: int = WAITING_MAX,
        send_every_s: float = SEND_EVERY_S,
    ) -> None:
        self._sender = sender
        self._slow_ms = slow_s * 1e3
        self._tell = tell
        self._waiting: deque[Receipt] = deque()
        self._waiting_max = waiting_max
        self._figures: Figures | None = None
        self._prompts: dict[RequestId, str] = {}
        self._send_every_s = send_every_s
        self._wanted = Event()
        self._is_closed = False
        self._is_lost = False
        self._thread: Thread | None = None
        self.lost = 0
        """Requests whose spans found no room, or that no collector took."""

    def record(self, receipt: Receipt) -> None:
        """Queue a request that ended, if its spans are wanted."""
        if not is_exported(receipt, self._slow_ms):
            return
        if len(self._waiting) == self._waiting_max:
            self._prompts.pop(self._waiting.popleft().request_id, None)
            self.lost += 1
        self._waiting.append(receipt)
        if self._thread is None:
            self._start()
        if len(self._waiting) == BATCH:
            self._wanted.set()

    def keep_prompt(self, receipt: Receipt, prompt: str) -> bool:
        """Send this prompt with the spans of a request that is about to be recorded; tell whether they are sent."""
        is_wanted = is_exported(receipt, self._slow_ms)
        if is_wanted:
            self._prompts[receipt.request_id] = prompt
        return is_wanted

    def offer(self, figures: Figures) -> None:
        """Have figures sent, in the place of any that still wait: they tell the same and more."""
        self._figures = figures
        if self._thread is None:
            self._start()
        self._wanted.set()

    def close(self, within_s: float) -> None:
        """Send what waits, and give up on it after that time. Blocks."""
        self._is_closed = True
        self._wanted.set()
        if self._thread is not None:
            self._thread.join(within_s)

    def _start(self) -> None:
        """Start the thread if one can be had; else the next request tries again."""
        # A daemon: one that hangs in a message does not keep the process from ending.
        thread = Thread(target=self._run, name="tiergate-telemetry", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            return
        self._thread = thread

    def _run(self) -> None:
        is_last = False
        while not is_last:
            self._wanted.wait(self._send_every_s)
            self._wanted.clear()
            is_last = self._is_closed
            self._send_all()
        self._sender.close()

    def _send_all(self) -> None:
        figures, self._figures = self._figures, None
        if figures is not None:
            self._note(is_taken=self._sender.send_figures(figures))
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
            prompts = {one.request_id: self._prompts.pop(one.request_id, "") for one in batch} if self._prompts else {}
            is_taken = self._sender.send_spans(batch, prompts)
            self.lost += 0 if is_taken else len(batch)
            self._note(is_taken=is_taken)

    def _note(self, *, is_taken: bool) -> None:
        if is_taken is self._is_lost:
            self._is_lost = not is_taken
            self._tell(is_taken)
