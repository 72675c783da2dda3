"""A share of would-be hits is asked anew, and the two answers compared: what that says of later hits."""

import json
from dataclasses import replace
from typing import Any

import pytest

from gateway.core.hit_proof import Standing
from gateway.domain.ids import RouteName
from gateway.domain.outcome import Outcome
from gateway.domain.semantic import SemanticEnd
from gateway.pipeline.semantic_proof import take_report
from tests.support.behaviours import always, breaks_after, json_reply, speaks
from tests.support.gateways import TWO_TIERS, Gateway
from tests.support.openai_bodies import Words
from tests.support.scripts import Behaviour, End, Script, SeenRequest
from tests.support.semantic import Semantic

FIRST, AGAIN = "What is the capital of France?", "Which city is the capital of France?"
SERVED = TWO_TIERS.replace("cache: {exact: 1h,", "cache: {exact: 1h, semantic: {shadow: 0.1%},")
NO_STORE = ((b"cache-control", b"no-store"),)
SHADOWED = TWO_TIERS.replace("cache: {exact: 1h,", "cache: {exact: 1h, semantic: {shadow: 100%},")


def asking(question: str, **members: Any) -> dict[str, Any]:
    return {"model": "auto", "messages": [{"role": "user", "content": question}], **members}


def whole(content: str | None, finish_reason: str = "stop", **message: Any) -> Behaviour:
    said = {"role": "assistant", "content": content, **message}
    body = {
        "choices": [{"index": 0, "message": said, "finish_reason": finish_reason}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 1},
    }
    return always(json_reply(200, json.dumps(body).encode()))


@pytest.fixture
def semantic() -> Semantic:
    made = Semantic()
    made.verifier.tell(FIRST, AGAIN, 0.95)
    return made


async def asked_twice(semantic: Semantic, second: Behaviour | None = None, *, stream: bool = False) -> Gateway:
    """Ask the two questions, of which the second is answered as told."""
    gateway = Gateway(SHADOWED, semantic=semantic.parts, clock=semantic.clock)
    await gateway.ask(asking(FIRST))
    if second is not None:
        gateway.network.plan.general = second
    await gateway.ask(asking(AGAIN, stream=stream))
    return gateway


def told(gateway: Gateway) -> tuple[SemanticEnd, bool | None]:
    finding = gateway.receipt.semantic
    assert finding is not None
    return finding.end, finding.agrees


@pytest.mark.parametrize("stream", [False, True])
async def test_a_would_be_hit_of_the_lot_is_asked_anew_and_compared(semantic: Semantic, stream: bool) -> None:
    gateway = await asked_twice(semantic, stream=stream)
    assert len(gateway.network.requests) == 2
    assert gateway.receipt.outcome is Outcome.SUCCESS_UPSTREAM
    assert told(gateway) == (SemanticEnd.SHADOW, True)
    assert (semantic.proofs.right, semantic.proofs.wrong) == (1, 0)


async def test_another_answer_counts_as_wrong(semantic: Semantic) -> None:
    gateway = await asked_twice(semantic, whole("Lyon is the capital."))
    assert told(gateway) == (SemanticEnd.SHADOW, False)
    assert (semantic.proofs.right, semantic.proofs.wrong) == (0, 1)


async def test_answers_of_which_one_has_no_embedding_are_compared_by_their_words(semantic: Semantic) -> None:
    gateway = await asked_twice(semantic, whole("?"))
    assert told(gateway) == (SemanticEnd.SHADOW, False)


@pytest.mark.parametrize(
    "second",
    [
        whole("Paris", finish_reason="length"),
        whole(None, finish_reason="tool_calls", tool_calls=[{"id": "c", "type": "function"}]),
        whole(None),
    ],
)
async def test_an_answer_that_is_not_whole_or_says_nothing_teaches_nothing(
    semantic: Semantic, second: Behaviour
) -> None:
    gateway = await asked_twice(semantic, second)
    assert told(gateway) == (SemanticEnd.SHADOW, None)
    assert (semantic.proofs.right, semantic.proofs.wrong) == (0, 0)


async def test_a_stream_too_long_to_remember_teaches_nothing(semantic: Semantic) -> None:
    gateway = await asked_twice(semantic, speaks(Words(pieces=("x" * 70_000,) * 16)), stream=True)
    assert told(gateway) == (SemanticEnd.SHADOW, None)


async def test_a_stream_that_breaks_off_is_not_compared(semantic: Semantic) -> None:
    gateway = await asked_twice(semantic, breaks_after(2, End.CLOSE), stream=True)
    assert gateway.receipt.outcome is Outcome.STREAM_TRUNCATED
    assert told(gateway) == (SemanticEnd.SHADOW, None)


async def test_a_kept_answer_that_is_gone_by_then_teaches_nothing(semantic: Semantic) -> None:
    gateway = Gateway(SHADOWED, semantic=semantic.parts, clock=semantic.clock)
    await gateway.ask(asking(FIRST))
    answers = gateway.network.plan.general

    def late(request: SeenRequest) -> Script:
        gateway.clock.advance(7_200)
        return answers(request)

    gateway.network.plan.general = late
    await gateway.ask(asking(AGAIN))
    assert told(gateway) == (SemanticEnd.SHADOW, None)


async def test_a_judge_that_is_gone_by_then_is_done_without(semantic: Semantic) -> None:
    gateway = Gateway(SHADOWED, semantic=semantic.parts, clock=semantic.clock)
    await gateway.ask(asking(FIRST))
    answers = gateway.network.plan.general

    def late(request: SeenRequest) -> Script:
        semantic.judges.clear()
        return answers(request)

    gateway.network.plan.general = late
    await gateway.ask(asking(AGAIN))
    assert told(gateway) == (SemanticEnd.SHADOW, True)
    assert gateway.faults == []


async def test_a_kept_answer_that_says_nothing_teaches_nothing(semantic: Semantic) -> None:
    gateway = Gateway(SHADOWED, semantic=semantic.parts, clock=semantic.clock)
    gateway.network.plan.general = whole(None)
    await gateway.ask(asking(FIRST))
    gateway.network.plan.general = speaks()
    await gateway.ask(asking(AGAIN))
    assert told(gateway) == (SemanticEnd.SHADOW, None)


async def test_wrong_answers_end_the_hits_of_a_tenant_on_a_route_and_right_ones_bring_them_back(
    semantic: Semantic,
) -> None:
    gateway = Gateway(SHADOWED, semantic=semantic.parts, clock=semantic.clock)
    await gateway.ask(asking(FIRST))

    async def ask_anew(number: int) -> None:
        question = f"{AGAIN} {number}"
        semantic.verifier.tell(FIRST, question, 0.95)
        await gateway.ask(asking(question), headers=NO_STORE)

    numbers = iter(range(1_000))
    gateway.network.plan.general = whole("Lyon.")
    while not semantic.changes:
        await ask_anew(next(numbers))
    assert [standing for _, standing in semantic.changes] == [Standing.EXACT_ONLY]
    gateway.network.plan.general = speaks()
    await ask_anew(next(numbers))
    finding = gateway.receipt.semantic
    assert finding is not None
    assert (finding.end, finding.threshold) == (SemanticEnd.REFUSED, None)
    while len(semantic.changes) == 1:
        await ask_anew(next(numbers))
    assert [standing for _, standing in semantic.changes] == [Standing.EXACT_ONLY, Standing.SERVING]


async def test_a_hit_that_its_tenant_calls_wrong_is_counted_and_its_question_forgotten(semantic: Semantic) -> None:
    gateway = Gateway(SERVED, semantic=semantic.parts, clock=semantic.clock)
    for question in (FIRST, AGAIN):
        await gateway.ask(asking(question))
    key = gateway.policy.snapshot.open_key
    assert key is not None
    assert gateway.receipt.outcome is Outcome.SUCCESS_CACHE_SEMANTIC
    assert take_report(gateway.receipt, key, gateway.world)
    assert (semantic.proofs.right, semantic.proofs.wrong) == (0, 1)
    assert semantic.index.stats()["entries"] == 0
    (proof,) = semantic.proofs.held.values()
    assert sum(proof.labels.wrong) == 1


async def test_a_report_of_a_hit_whose_judge_is_gone_still_forgets_the_question(semantic: Semantic) -> None:
    gateway = Gateway(SERVED, semantic=semantic.parts, clock=semantic.clock)
    for question in (FIRST, AGAIN):
        await gateway.ask(asking(question))
    key = gateway.policy.snapshot.open_key
    assert key is not None
    semantic.judges.clear()
    assert take_report(gateway.receipt, key, gateway.world)
    assert semantic.proofs.wrong == 0
    assert semantic.index.stats()["entries"] == 0


async def test_a_report_counts_for_the_judge_of_the_route(semantic: Semantic) -> None:
    semantic.add_encoder().tell(FIRST, AGAIN, 0.95)
    text = SERVED.replace("cache: {exact: 1h,", "scorer: encoder, cache: {exact: 1h,")
    gateway = Gateway(text, semantic=semantic.parts, clock=semantic.clock)
    for question in (FIRST, AGAIN):
        await gateway.ask(asking(question))
    key = gateway.policy.snapshot.open_key
    assert key is not None
    assert take_report(gateway.receipt, key, gateway.world)
    assert [hit_class.verifier for hit_class in semantic.proofs.held] == ["words 1, told 2"]


async def test_a_report_of_a_route_that_is_gone_still_forgets_the_question(semantic: Semantic) -> None:
    gateway = Gateway(SERVED, semantic=semantic.parts, clock=semantic.clock)
    for question in (FIRST, AGAIN):
        await gateway.ask(asking(question))
    key = gateway.policy.snapshot.open_key
    assert key is not None
    assert take_report(replace(gateway.receipt, route=RouteName("gone")), key, gateway.world)
    assert semantic.proofs.wrong == 0
    assert semantic.index.stats()["entries"] == 0


async def test_what_was_no_semantic_hit_cannot_be_reported_as_one(semantic: Semantic) -> None:
    gateway = Gateway(SERVED, semantic=semantic.parts, clock=semantic.clock)
    await gateway.ask(asking(FIRST))
    key = gateway.policy.snapshot.open_key
    assert key is not None
    assert not take_report(gateway.receipt, key, gateway.world)
    assert not take_report(replace(gateway.receipt, semantic=None), key, gateway.world)
    assert semantic.index.stats()["entries"] == 1
