"""Thousands of requests to be scored at once, with the encoder wanted for each: does the event loop keep going?

Every request leaves its decision open, which is the worst case. A ticker looks how late a timer of one millisecond
fires: so long nothing else was done, no byte passed on and no deadline kept. All tasks are woken in one turn of the
event loop, which takes its time whatever they do then: the first rows show it, of a crowd that has nothing scored.
"""

import argparse
import asyncio
import gc
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from gateway.adapters.artefact import load_artefact, shipped_artefact
from gateway.adapters.clock import SystemClock
from gateway.adapters.encoder_artefact import load_encoder
from gateway.adapters.encoder_batches import EncoderBatches, Lane, OneThread, Watch
from gateway.adapters.encoder_model import EncoderModel, Ids, Passed
from gateway.adapters.encoder_session import CPU, EncoderSession
from gateway.adapters.scorer_chain import ScorerChain
from gateway.adapters.scorer_encoder import EncoderScorer
from gateway.adapters.scorer_folded import FoldedScorer
from gateway.adapters.scorer_latency import text_of
from gateway.adapters.scorer_turns import Turns
from gateway.app.graceful import GC_THRESHOLDS
from gateway.core.batching import BatchRules
from gateway.core.wordpiece import WordPieces
from gateway.domain.ability import ClassifierOutcome, ScorerChoice
from gateway.domain.classifier import ENCODER_CPU_TOKENS, ENCODER_TOKENS, ClassifierTerms
from gateway.domain.request import CanonicalRequest, Operation
from gateway.wire.openai_request import canonicalise
from load_tests.stage_samples import LIMITS
from load_tests.stand_in_encoder import vocabulary, write_stand_in

EXAMPLES: Final = """examples:
  python -m load_tests flood
  python -m load_tests flood --requests 5000 --artefact ~/model --rounds 5
"""
TICK_S: Final = 0.001
SETTLE_S: Final = 0.05
"""For the ticker to find its pace, and to show what the end of the flood does."""
STALL_AIM_MS: Final = 20.0
PROMPT_BYTES: Final = 2_000
SLOW_PASS_S: Final = 0.015
"""A GPU that is shared: most of the deadline is gone after one pass."""
_TERMS: Final = ClassifierTerms()


@dataclass(frozen=True, slots=True)
class SlowModel:
    """An encoder that takes its time without taking the processor, as a GPU does."""

    width: int
    device: str = "cuda"

    def run(self, ids: Ids, mask: Ids) -> Passed:
        """Wait, and say nothing of the texts."""
        time.sleep(SLOW_PASS_S)
        return Passed(np.zeros((len(ids), self.width), np.float32), np.zeros((len(ids), 384), np.float32), None)


@dataclass(frozen=True, slots=True)
class Flooded:
    """What a flood did. Stalls are how late the ticker was, in milliseconds."""

    outcomes: Counter[ClassifierOutcome]
    stall_max_ms: float
    stall_p99_ms: float
    took_s: float


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `flood`."""
    parser.description, parser.epilog = __doc__, EXAMPLES
    parser.add_argument("--requests", type=int, default=5_000, help="at once (default: %(default)s)")
    parser.add_argument(
        "--artefact", type=Path, help="directory with an encoder; a stand-in of MiniLM's size otherwise"
    )
    parser.add_argument("--rounds", type=int, default=3, help="floods of each kind (default: %(default)s)")


def run(options: argparse.Namespace) -> int:
    """Flood a scorer with the encoder on the CPU, and one with a slow GPU; 1 when a request had no outcome."""
    print(f"{options.requests:,} requests of {PROMPT_BYTES:,} B at once, the encoder wanted for each")
    print(f"{'encoder':8} {'stall max':>10} {'p99':>9} {'all within':>11}   outcomes")
    with _collected_as_in_a_worker():
        for _ in range(options.rounds):
            _show("none", asyncio.run(crowd(_nothing, options.requests)))
        is_whole = True
        for name, make in (("cpu", _on_cpu), ("slow gpu", _on_slow_gpu)):
            for _ in range(options.rounds):
                with tempfile.TemporaryDirectory() as folder:
                    lane, pieces = make(options.artefact, Path(folder))
                found = asyncio.run(flood(lane, pieces, options.requests))
                is_whole &= found.outcomes.total() == options.requests
                _show(name, found)
    print(f"aim: no stall above {STALL_AIM_MS:.0f} ms, and an outcome for every request")
    return 0 if is_whole else 1


@contextmanager
def _collected_as_in_a_worker() -> Iterator[None]:
    """Let the collector of garbage look through what is made from now on, and that as seldom as in serving."""
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def _show(name: str, found: Flooded) -> None:
    told = ", ".join(f"{outcome} {count:,}" for outcome, count in sorted(found.outcomes.items()))
    print(
        f"{name:8} {found.stall_max_ms:7.1f} ms {found.stall_p99_ms:6.1f} ms {found.took_s:9.2f} s   {told} "
        f"= {found.outcomes.total():,}"
    )


async def flood(lane: Lane, pieces: WordPieces, requests: int) -> Flooded:
    """Let so many requests come at once to be scored."""
    artefact, clock, thread = load_artefact(shipped_artefact()), SystemClock(), OneThread("flood-encoder")
    loop = asyncio.get_running_loop()
    batches = EncoderBatches(
        lane,
        padding=pieces.padding,
        aside=thread,
        clock=clock,
        call_later=loop.call_later,
        watch=Watch(_ignore, _ignore, _tell),
    )
    folded = FoldedScorer(artefact.table, (1.0,) * artefact.table.latent)
    chain = ScorerChain(folded, encoder=EncoderScorer(batches, pieces, "flood"), turns=Turns(clock))

    async def score(request: CanonicalRequest) -> ClassifierOutcome:
        return (await chain.score(request, ScorerChoice.AUTO, _always)).outcome

    found = await crowd(score, requests)
    await batches.aclose()
    await thread.aclose()
    return found


async def crowd(score: Callable[[CanonicalRequest], Awaitable[ClassifierOutcome]], requests: int) -> Flooded:
    """Let so many requests come at once, and watch the event loop until all have an outcome."""
    asked = [_request(number) for number in range(requests)]
    gate = asyncio.Event()

    async def come(request: CanonicalRequest) -> ClassifierOutcome:
        await gate.wait()
        return await score(request)

    coming = [asyncio.create_task(come(request)) for request in asked]
    await asyncio.sleep(SETTLE_S)
    late_s: list[float] = []
    ticking = asyncio.create_task(_tick(late_s))
    await asyncio.sleep(SETTLE_S)
    began_s = time.perf_counter()
    gate.set()
    outcomes = await asyncio.gather(*coming)
    took_s = time.perf_counter() - began_s
    await asyncio.sleep(SETTLE_S)
    ticking.cancel()
    await asyncio.wait((ticking,))
    late_s.sort()
    p99_s = late_s[len(late_s) * 99 // 100]
    return Flooded(Counter(outcomes), late_s[-1] * 1e3, p99_s * 1e3, took_s)


async def _tick(late_s: list[float]) -> None:
    while True:
        due_s = time.perf_counter() + TICK_S
        await asyncio.sleep(TICK_S)
        late_s.append(max(0.0, time.perf_counter() - due_s))


def _request(number: int) -> CanonicalRequest:
    """Return a request of a text of its own, so that its words have not all been seen."""
    body = b'{"model":"auto","messages":[{"role":"user","content":"."}]}'
    text = f"Request {number}: {text_of(PROMPT_BYTES)}"
    return replace(canonicalise(Operation.CHAT, body, LIMITS), user_text=text)


def _on_cpu(directory: Path | None, folder: Path) -> tuple[Lane, WordPieces]:
    artefact = load_artefact(directory or shipped_artefact())
    files = None if directory is None else load_encoder(directory, artefact)
    if files is None:
        model, pieces = folder / "model.onnx", WordPieces(vocabulary())
        write_stand_in(model, artefact.manifest.latent)
    else:
        model, pieces = files.model_for(CPU), files.pieces
    session = EncoderSession(model, CPU, width=artefact.manifest.latent)
    session.warm_up([(1, ENCODER_CPU_TOKENS)])
    rules = BatchRules(0.0, _TERMS.queue, 1, _TERMS.cpu_deadline_s)
    return Lane(session, rules, ENCODER_CPU_TOKENS, ClassifierOutcome.ENCODER_CPU), pieces


def _on_slow_gpu(directory: Path | None, folder: Path) -> tuple[Lane, WordPieces]:
    model: EncoderModel = SlowModel(load_artefact(shipped_artefact()).manifest.latent)
    rules = BatchRules(_TERMS.window_s, _TERMS.queue, 64, _TERMS.deadline_s, 2)
    return Lane(model, rules, ENCODER_TOKENS, ClassifierOutcome.ENCODER), WordPieces(vocabulary())


async def _nothing(request: CanonicalRequest) -> ClassifierOutcome:
    return ClassifierOutcome.ABSTAIN


def _always(score: object) -> bool:
    return True


def _ignore(what: object) -> None:
    """Nobody counts."""


def _tell(note: str) -> None:
    print(note, file=sys.stderr)
