"""What goes to a collector, and who waits for it."""

from collections.abc import Mapping, Sequence
from threading import Event

from gateway.adapters.genai_figures import Figures, GenAiFigures
from gateway.adapters.telemetry_export import BATCH, SpanExport
from gateway.domain.ids import RequestId
from gateway.domain.receipt import Receipt
from gateway.domain.trace import Trace
from tests.support.receipt_samples import a_receipt
from tests.support.scarcity import no_more_threads

WITHIN_S = 10.0
LATE_S = 60.0
"""So long nothing is sent unless there is enough of it."""
TRACE = Trace("a" * 32, "b" * 16, "", True, makes_spans=True)


class Heard:
    """A sender that takes what it is given once there is room, and while it is in the mood."""

    def __init__(self) -> None:
        self.room, self.entered = Event(), Event()
        self.room.set()
        self.takes = True
        self.requests: list[str] = []
        self.batches: list[int] = []
        self.prompts: list[Mapping[RequestId, str]] = []
        self.figures: list[Figures] = []
        self.closed = False

    def send_spans(self, receipts: Sequence[Receipt], prompts: Mapping[RequestId, str]) -> bool:
        self.entered.set()
        assert self.room.wait(WITHIN_S)
        self.batches.append(len(receipts))
        self.prompts.append({name: prompt for name, prompt in prompts.items() if prompt})
        if self.takes:
            self.requests += [receipt.request_id for receipt in receipts]
        return self.takes

    def send_figures(self, figures: Figures) -> bool:
        self.figures.append(figures)
        return self.takes

    def close(self) -> None:
        self.closed = True


def ended(number: int, trace: Trace | None = TRACE) -> Receipt:
    return a_receipt(request_id=RequestId(str(number)), trace=trace)


def export_to(heard: Heard, told: list[bool], waiting_max: int = 10_000, send_every_s: float = LATE_S) -> SpanExport:
    return SpanExport(heard, slow_s=5.0, tell=told.append, waiting_max=waiting_max, send_every_s=send_every_s)


def test_what_is_wanted_is_sent_in_order_and_in_batches() -> None:
    heard, told = Heard(), list[bool]()
    export = export_to(heard, told)
    for number in range(2 * BATCH + 10):
        export.record(ended(number))
        export.record(ended(-1, None))
    export.close(WITHIN_S)
    assert heard.requests == [str(number) for number in range(2 * BATCH + 10)]
    assert max(heard.batches) <= BATCH
    assert (export.lost, told, heard.closed) == (0, [], True)


def test_a_few_are_sent_without_waiting_for_others() -> None:
    heard = Heard()
    export = export_to(heard, [], send_every_s=0.001)
    export.record(ended(1))
    assert heard.entered.wait(WITHIN_S)
    export.close(WITHIN_S)
    assert heard.requests == ["1"]


def test_while_the_collector_takes_its_time_the_oldest_are_dropped_and_counted_and_nobody_waits() -> None:
    heard = Heard()
    heard.room.clear()
    export = export_to(heard, [], waiting_max=5, send_every_s=0.001)
    export.record(ended(0))
    assert heard.entered.wait(WITHIN_S)
    for number in range(1, 10):
        export.record(ended(number))
    assert export.lost == 4
    heard.room.set()
    export.close(WITHIN_S)
    assert heard.requests == ["0", "5", "6", "7", "8", "9"]


def test_what_no_collector_takes_is_counted_and_its_loss_and_return_are_told_once() -> None:
    heard, told = Heard(), list[bool]()
    export = export_to(heard, told)
    heard.takes = False
    for number in range(BATCH):
        export.record(ended(number))
    export.offer(GenAiFigures().copy())
    while len(heard.figures) + len(heard.batches) < 2:
        heard.entered.wait(0.001)
    heard.takes = True
    export.record(ended(-1))
    export.close(WITHIN_S)
    assert (export.lost, heard.requests, told) == (BATCH, ["-1"], [False, True])


def test_a_prompt_goes_with_its_request_and_is_forgotten_with_it() -> None:
    heard = Heard()
    heard.room.clear()
    export = export_to(heard, [], waiting_max=2, send_every_s=0.001)
    assert not export.keep_prompt(ended(0, None), "of a request without a place in a trace")
    export.record(ended(0))
    assert heard.entered.wait(WITHIN_S)
    for number in (1, 2, 3):
        assert number == 2 or export.keep_prompt(ended(number), f"prompt {number}")
        export.record(ended(number))
    heard.room.set()
    export.close(WITHIN_S)
    assert heard.requests == ["0", "2", "3"]
    assert [prompts for prompts in heard.prompts if prompts] == [{"3": "prompt 3"}]


def test_of_figures_the_last_are_sent() -> None:
    heard = Heard()
    heard.room.clear()
    export = export_to(heard, [], send_every_s=0.001)
    export.record(ended(1))
    assert heard.entered.wait(WITHIN_S)
    figures = GenAiFigures()
    for _ in range(3):
        figures.record(ended(1))
        export.offer(last := figures.copy())
    heard.room.set()
    export.close(WITHIN_S)
    assert heard.figures == [last]


def test_the_end_is_not_held_up_by_a_collector_that_hangs() -> None:
    heard = Heard()
    heard.room.clear()
    export = export_to(heard, [])
    export.record(ended(1))
    export.close(0.01)
    assert heard.requests == []
    heard.room.set()


def test_while_no_thread_can_be_had_requests_wait_for_one() -> None:
    heard = Heard()
    export = export_to(heard, [])
    with no_more_threads():
        export.record(ended(1))
        export.offer(GenAiFigures().copy())
    export.record(ended(2))
    export.close(WITHIN_S)
    assert (heard.requests, len(heard.figures)) == (["1", "2"], 1)


def test_nothing_to_send_needs_no_thread() -> None:
    heard = Heard()
    export_to(heard, []).close(WITHIN_S)
    assert (heard.batches, heard.closed) == ([], False)
