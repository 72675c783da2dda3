"""Every request that reaches scoring has one outcome, whatever becomes of the encoder and of the request."""

import asyncio
from collections import Counter
from dataclasses import replace
from typing import Any

from gateway.adapters.clock import SystemClock
from gateway.adapters.encoder_batches import EncoderBatches, Lane, OneThread, Watch
from gateway.adapters.metrics import Metrics
from gateway.adapters.scorer_chain import ScorerChain
from gateway.adapters.scorer_encoder import EncoderScorer
from gateway.core.batching import BatchRules
from gateway.core.request_text import RequestText
from gateway.core.wordpiece import WordPieces
from gateway.domain.ability import ClassifierOutcome, Score, unknown_score
from gateway.domain.request import Operation
from tests.support.clocks import ManualClock
from tests.support.gateways import CHAT, TWO_TIERS, Gateway
from tests.support.prometheus import read_series
from tests.support.toy_encoders import HandTimers, HeldAside, ScriptedModel, breathe
from tests.support.vocabularies import small_vocabulary

EVEN = TWO_TIERS.replace("dial: 1000000", "dial: 44")
"""At such a dial the tiers are worth nearly the same to a request of middling difficulty."""
RULES = BatchRules(window_s=0.0, queue=4, batch=2, deadline_s=0.02)
OPEN = Score((0.0, 0.0), 1.0, "folded", spread=(10.0, 10.0))


class First:
    """Leaves all open, but for requests about cats, of which it knows nothing, and about dogs, which it has decided."""

    def score_of(self, text: RequestText) -> Score:
        if "cat" in text.turn:
            return unknown_score("folded")
        return replace(OPEN, spread=()) if "dog" in text.turn else OPEN


class Bench:
    """A gateway whose encoder is let go pass by pass, and the metrics of what it did."""

    def __init__(self) -> None:
        self.metrics = Metrics()
        self.model = ScriptedModel(familiarity=1.0)
        self.aside = HeldAside()
        clock = ManualClock()
        self.timers = HandTimers(clock)
        self.batches = EncoderBatches(
            Lane(self.model, RULES, 64, ClassifierOutcome.ENCODER),
            padding=0,
            aside=self.aside,
            clock=clock,
            call_later=self.timers,
            watch=Watch(self.metrics.observe_batch, self.metrics.count_encoder_failure, lambda note: None),
        )
        stage = EncoderScorer(self.batches, WordPieces(small_vocabulary()), "toy-1")
        self.gateway = Gateway(EVEN, scorer=ScorerChain(First(), encoder=stage))

    def ask(self, text: str, **changes: Any) -> "asyncio.Task[None]":
        client = self.gateway.client({**CHAT, "messages": [{"role": "user", "content": text}], **changes})
        return asyncio.create_task(self.gateway.pipeline(Operation.CHAT, client.inbound, client.responder))

    def outcomes(self) -> Counter[str]:
        """Count the outcomes as a scrape tells them, once they are sure to be those of the receipts."""
        for receipt in self.gateway.kept.receipts:
            self.metrics.record(receipt)
        series = read_series(self.metrics.render(), without="worker")
        told = Counter({each.value: int(series.get(_key(each), 0)) for each in ClassifierOutcome})
        scored = [receipt for receipt in self.gateway.kept.receipts if receipt.times.score_ms is not None]
        assert told.total() == len(scored)
        return +told


def _key(outcome: ClassifierOutcome) -> str:
    return f'tiergate_classifier_outcomes_total{{outcome="{outcome}"}}'


async def test_the_outcomes_sum_to_the_requests_that_were_scored() -> None:
    bench = Bench()
    plain = [
        bench.ask("a cat"),
        bench.ask("a dog"),
        bench.ask("named", model="large"),
        bench.ask("who", model="nobody"),
    ]
    too_long = bench.ask("the dog", max_tokens=10**9)
    encoded = [bench.ask(f"token {number}") for number in range(2)]
    await breathe()
    late = [bench.ask(f"late {number}") for number in range(4)]
    await breathe()
    refused = bench.ask("one too many")
    await breathe()
    await bench.aside.let_go()
    bench.model.fails = True
    await bench.aside.let_go()
    await bench.timers.advance(0.02)
    await asyncio.gather(*plain, too_long, *encoded, *late, refused)
    await bench.aside.let_go()
    again = await bench.gateway.ask({**CHAT, "messages": [{"role": "user", "content": "a dog"}]})
    assert again.responder.headers[b"x-tiergate-cache"] == b"exact"
    assert bench.outcomes() == {
        "abstain": 1,
        "folded": 2,
        "not_asked": 1,
        "encoder": 1,
        "error": 2,
        "timeout": 2,
        "overload": 2,
    }
    assert bench.gateway.receipt.classifier is None, "a hit is not scored"
    assert not bench.gateway.faults


async def test_a_client_that_leaves_while_it_is_scored_is_not_counted_as_scored() -> None:
    bench = Bench()
    asking = bench.ask("token")
    await breathe()
    asking.cancel()
    await asyncio.wait((asking,))
    await bench.aside.let_go()
    assert bench.outcomes() == {}


async def test_with_a_thread_of_its_own_every_request_of_a_burst_has_an_outcome() -> None:
    clock, thread = SystemClock(), OneThread("test-encoder")
    batches = EncoderBatches(
        Lane(ScriptedModel(familiarity=1.0), replace(RULES, deadline_s=10.0), 64, ClassifierOutcome.ENCODER),
        padding=0,
        aside=thread,
        clock=clock,
        call_later=lambda delay_s, action: asyncio.get_running_loop().call_later(delay_s, action),
        watch=Watch(lambda report: None, lambda device: None, lambda note: None),
    )
    bench = Bench()
    bench.gateway = Gateway(
        EVEN, scorer=ScorerChain(First(), encoder=EncoderScorer(batches, WordPieces(small_vocabulary()), "toy-1"))
    )
    await asyncio.gather(*(bench.ask(f"token {number}") for number in range(50)))
    await batches.aclose()
    await thread.aclose()
    outcomes = bench.outcomes()
    assert outcomes.keys() == {"encoder", "overload"}
    assert outcomes.total() == 50
