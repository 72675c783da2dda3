"""Texts to the encoder and back: together, in time or not at all, and what happens when the encoder fails."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from gateway.adapters.encoder_batches import BatchReport, EncoderBatches, Lane, OneThread, Watch
from gateway.adapters.encoder_model import CannotEncode, Encoded
from gateway.core.batching import BatchRules
from gateway.domain.ability import ClassifierOutcome
from tests.support.clocks import ManualClock
from tests.support.toy_encoders import HandTimers, HeldAside, ScriptedModel, breathe

GPU_RULES = BatchRules(window_s=0.002, queue=8, batch=4, deadline_s=0.020)
CPU_RULES = BatchRules(window_s=0.0, queue=8, batch=1, deadline_s=0.060)


@dataclass
class Bench:
    """Batches over a scripted model, with clock, timers and thread in the test's hand."""

    model: ScriptedModel = field(default_factory=lambda: ScriptedModel("cuda"))
    rules: BatchRules = GPU_RULES
    spare: Callable[[], Lane] | None = None
    notes: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    reports: list[BatchReport] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.clock = ManualClock()
        self.timers = HandTimers(self.clock)
        self.aside = HeldAside()
        self.batches = EncoderBatches(
            Lane(self.model, self.rules, 256, ClassifierOutcome.ENCODER),
            padding=0,
            aside=self.aside,
            clock=self.clock,
            call_later=self.timers,
            watch=Watch(self.reports.append, self.failures.append, self.notes.append),
            spare=self.spare,
        )

    async def ask(self, *lengths: int) -> list[asyncio.Task[Encoded | ClassifierOutcome]]:
        tasks = [asyncio.create_task(self.batches.encode([1] * length)) for length in lengths]
        await breathe()
        return tasks


def latents(tasks: list[asyncio.Task[Encoded | ClassifierOutcome]]) -> list[object]:
    """Return the first latent number of each answer, or the answer itself."""
    answers = [task.result() for task in tasks]
    return [answer.latent[0] if isinstance(answer, Encoded) else answer for answer in answers]


async def test_texts_that_come_within_the_window_pass_together() -> None:
    bench = Bench()
    tasks = await bench.ask(5)
    await bench.timers.advance(0.001)
    tasks += await bench.ask(7, 6)
    assert not bench.aside.waiting
    await bench.timers.advance(0.001)
    await bench.aside.let_go()
    assert latents(tasks) == [5.0, 7.0, 6.0]
    assert bench.model.passes == [(3, 7)]
    (report,) = bench.reports
    assert report.device == "cuda"
    assert report.waited_s == pytest.approx((0.002, 0.001, 0.001))


async def test_a_whole_batch_passes_at_once() -> None:
    bench = Bench()
    tasks = await bench.ask(5, 5, 5, 5, 5)
    assert len(bench.aside.waiting) == 1
    await bench.aside.let_go()
    assert [task.done() for task in tasks] == [True] * 4 + [False]
    await bench.timers.advance(0.002)
    await bench.aside.let_go()
    assert latents(tasks) == [5.0] * 5
    assert bench.model.passes == [(4, 5), (1, 5)]


async def test_what_waited_during_a_pass_begins_when_it_ends() -> None:
    bench = Bench()
    first = await bench.ask(5, 5, 5, 5)
    second = await bench.ask(9)
    await bench.timers.advance(0.010)
    assert len(bench.aside.waiting) == 1, "one pass at a time"
    await bench.aside.let_go()
    await bench.aside.let_go()
    assert latents(first + second) == [5.0] * 4 + [9.0]


async def test_a_full_queue_is_told_at_once() -> None:
    bench = Bench()
    await bench.ask(*[5] * 4)
    await bench.ask(*[5] * 7)
    was_full = bench.batches.is_full
    await bench.ask(5)
    assert (was_full, bench.batches.is_full) == (False, True)
    (refused,) = await bench.ask(5)
    assert refused.result() is ClassifierOutcome.OVERLOAD
    bench.timers.timers.clear()
    await bench.aside.let_go(3)


async def test_a_late_answer_is_dropped_and_nobody_waits_for_it() -> None:
    bench = Bench()
    tasks = await bench.ask(5)
    await bench.timers.advance(0.010)
    tasks += await bench.ask(6)
    await bench.timers.advance(0.009)
    assert not any(task.done() for task in tasks)
    await bench.timers.advance(0.001)
    assert [task.done() for task in tasks] == [True, False]
    await bench.timers.advance(0.010)
    assert latents(tasks) == [ClassifierOutcome.TIMEOUT] * 2
    await bench.aside.let_go()
    assert not bench.aside.waiting, "what nobody waits for is not encoded"
    fresh = await bench.ask(7)
    await bench.timers.advance(0.002)
    await bench.aside.let_go()
    assert latents(fresh) == [7.0]


async def test_a_client_that_leaves_frees_its_place() -> None:
    bench = Bench()
    tasks = await bench.ask(5, 6)
    tasks[0].cancel()
    await bench.timers.advance(0.002)
    await bench.aside.let_go()
    assert tasks[0].cancelled()
    assert bench.model.passes == [(1, 6)]


async def test_a_gpu_that_fails_is_replaced_by_the_cpu_and_told_once() -> None:
    cpu = ScriptedModel("cpu")
    bench = Bench(
        spare=lambda: Lane(cpu, CPU_RULES, 96, ClassifierOutcome.ENCODER_CPU), rules=replace(GPU_RULES, ahead=2)
    )
    bench.model.fails = True
    under_way = await bench.ask(*[5] * 4)
    also_under_way = await bench.ask(*[6] * 4)
    waiting = await bench.ask(100)
    await bench.aside.let_go()
    assert latents(under_way + waiting) == [ClassifierOutcome.ERROR] * 5
    (meanwhile,) = await bench.ask(5)
    assert meanwhile.result() is ClassifierOutcome.ERROR
    await bench.aside.let_go()
    assert latents(also_under_way) == [ClassifierOutcome.ERROR] * 4
    await bench.aside.let_go()
    lane = bench.batches.lane
    assert lane is not None
    assert (lane.outcome, lane.tokens) == (ClassifierOutcome.ENCODER_CPU, 96)
    after = await bench.ask(9)
    await bench.aside.let_go()
    assert latents(after) == [9.0]
    assert bench.notes == ["the encoder failed on cuda. It goes on without the GPU until a restart"]
    assert bench.failures == ["cuda", "cuda"]


async def test_without_gpu_and_cpu_nobody_is_made_to_wait() -> None:
    def nothing() -> Lane:
        raise CannotEncode("no memory")

    bench = Bench(ScriptedModel("cuda", fails=True), spare=nothing)
    tasks = await bench.ask(*[5] * 4)
    await bench.aside.let_go(2)
    tasks += await bench.ask(5)
    assert latents(tasks) == [ClassifierOutcome.ERROR] * 5
    assert len(bench.notes) == 2
    assert "no memory. There is no encoder until a restart" in bench.notes[1]


async def test_an_encoder_without_a_spare_is_asked_again_and_its_failure_told_once() -> None:
    bench = Bench(ScriptedModel("cpu", fails=True), CPU_RULES)
    for _ in range(3):
        tasks = await bench.ask(5)
        await bench.aside.let_go()
        assert latents(tasks) == [ClassifierOutcome.ERROR]
    bench.model.fails = False
    tasks = await bench.ask(5)
    await bench.aside.let_go()
    assert latents(tasks) == [5.0]
    assert len(bench.notes) == 1
    assert bench.failures == ["cpu"] * 3


async def test_closing_answers_everybody_and_waits_for_what_is_under_way() -> None:
    bench = Bench()
    under_way = await bench.ask(*[5] * 4)
    waiting = await bench.ask(6)
    closing = asyncio.create_task(bench.batches.aclose())
    await breathe()
    assert not closing.done()
    assert latents(under_way + waiting) == [ClassifierOutcome.ERROR] * 5
    await bench.aside.let_go()
    await closing
    assert not [timer for timer in bench.timers.timers if not timer.is_cancelled]


async def test_closing_what_is_idle_takes_no_time() -> None:
    await Bench().batches.aclose()


async def test_a_thread_of_its_own_does_the_work_and_its_errors_come_back() -> None:
    aside = OneThread("test-encoder")
    try:
        assert await aside(lambda: 7) == 7
        with pytest.raises(CannotEncode):
            await aside(_refuse)
    finally:
        await aside.aclose()


def _refuse() -> None:
    raise CannotEncode("no")
