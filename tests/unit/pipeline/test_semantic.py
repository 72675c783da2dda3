"""The answer to the same question in other words: given where it is certain, kept apart by scope, and told why not."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from gateway.adapters.memory_cache import MemoryCache
from gateway.adapters.memory_semantic import MemorySemanticIndex
from gateway.core.hit_proof import HitLabel, Standing
from gateway.domain.identity import CachedAnswer, ExactKey
from gateway.domain.outcome import Outcome
from gateway.domain.question import Guard, GuardKind
from gateway.domain.request import Operation
from gateway.domain.semantic import Neighbour, SemanticBar, SemanticEnd, SemanticFinding, SemanticScope
from gateway.pipeline.drive import Pipeline
from gateway.pipeline.semantic import WITHIN_S
from tests.support.clocks import ManualClock
from tests.support.fake_inbound import FakeClient
from tests.support.gateways import (
    CLOSED,
    GUEST_KEY,
    TEAM_KEY,
    TWO_TIERS,
    Gateway,
    answer_of,
    text_of,
)
from tests.support.semantic import Semantic

FIRST, AGAIN, OTHER = "What is the capital of France?", "Which city is the capital of France?", "Who wrote Faust?"
NEARER = "Which city is the capital of all France?"
SEMANTIC = TWO_TIERS.replace("cache: {exact: 1h,", "cache: {exact: 1h, semantic: {shadow: 0.1%},")


def asking(question: Any = FIRST, **members: Any) -> dict[str, Any]:
    return {"model": "auto", "messages": [{"role": "user", "content": question}], **members}


def gateway_with(semantic: Semantic, policy: str = SEMANTIC) -> Gateway:
    return Gateway(policy, semantic=semantic.parts, clock=semantic.clock)


@pytest.fixture
def semantic() -> Semantic:
    made = Semantic()
    made.verifier.tell(FIRST, AGAIN, 0.95)
    return made


def finding_of(gateway: Gateway) -> SemanticFinding:
    found = gateway.receipt.semantic
    assert found is not None
    return found


def cache_of(client: FakeClient) -> bytes:
    return client.responder.headers[b"x-tiergate-cache"]


async def test_the_same_question_in_other_words_is_given_the_kept_answer(semantic: Semantic) -> None:
    gateway = gateway_with(semantic)
    first = await gateway.ask(asking())
    assert (cache_of(first), finding_of(gateway).end) == (b"miss", SemanticEnd.NOTHING)
    semantic.clock.advance(90)
    again = await gateway.ask(asking(AGAIN))
    assert answer_of(again) == answer_of(first)
    assert len(gateway.network.requests) == 1
    headers = again.responder.headers
    assert (cache_of(again), headers[b"x-tiergate-cache-score"]) == (b"semantic", b"0.950")
    assert headers[b"x-tiergate-cache-age"] == b"90"
    assert headers[b"x-tiergate-cache-entry"].decode() == finding_of(gateway).entry == gateway.receipt.cache_entry
    assert (gateway.receipt.outcome, gateway.receipt.cache) == (Outcome.SUCCESS_CACHE_SEMANTIC, "semantic")
    found = finding_of(gateway)
    assert (found.end, found.probability, found.threshold, found.age_s) == (SemanticEnd.HIT, 0.95, 0.9, 90.0)
    assert found.cosine == pytest.approx(0.853, abs=0.001)


async def test_a_hit_is_told_as_a_stream_to_whoever_asks_for_one(semantic: Semantic) -> None:
    gateway = gateway_with(semantic)
    await gateway.ask(asking(stream=True))
    again = await gateway.ask(asking(AGAIN, stream=True))
    assert cache_of(again) == b"semantic"
    assert text_of(again) == "Paris is the capital."


async def test_the_very_same_request_is_an_exact_hit_and_no_other_words_are_looked_for(semantic: Semantic) -> None:
    gateway = gateway_with(semantic)
    await gateway.ask(asking())
    again = await gateway.ask(asking())
    assert (cache_of(again), gateway.receipt.semantic) == (b"exact", None)
    assert b"x-tiergate-cache-score" not in again.responder.headers


async def test_case_40_a_near_miss_is_refused_and_its_receipt_says_why(semantic: Semantic) -> None:
    semantic.verifier.tell(FIRST, AGAIN, 0.89)
    semantic.verifier.guards = frozenset((Guard(GuardKind.NUMBER, "2025", "2024"),))
    gateway = gateway_with(semantic)
    await gateway.ask(asking())
    again = await gateway.ask(asking(AGAIN))
    assert cache_of(again) == b"miss"
    assert len(gateway.network.requests) == 2
    found = finding_of(gateway)
    assert (found.end, found.probability, found.threshold) == (SemanticEnd.REFUSED, 0.89, 0.9)
    assert found.differences == ("numbers differ: 2025 / 2024",)
    assert found.agrees is None


async def test_a_question_that_lies_far_from_all_others_is_like_none_of_them(semantic: Semantic) -> None:
    semantic.verifier.tell(FIRST, OTHER, 1.0)
    gateway = gateway_with(semantic)
    await gateway.ask(asking())
    assert cache_of(await gateway.ask(asking(OTHER))) == b"miss"
    assert finding_of(gateway).end is SemanticEnd.NOTHING


async def test_the_most_probable_of_the_candidates_counts(semantic: Semantic) -> None:
    semantic.verifier.tell(NEARER, AGAIN, 0.99)
    gateway = gateway_with(semantic)
    await gateway.ask(asking())
    await gateway.ask(asking(NEARER))
    await gateway.ask(asking(AGAIN))
    assert finding_of(gateway).probability == 0.99


@pytest.mark.parametrize(
    "changed",
    [
        {"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": AGAIN}]},
        {"temperature": 0.5},
        {"model": "small", "temperature": 0},
        {"response_format": {"type": "json_object"}},
        {"seed": 7},
        {"max_tokens": 9},
        {
            "messages": [
                {"role": "user", "content": "Hello"},
                {"role": "assistant", "content": "Hello."},
                {"role": "user", "content": AGAIN},
            ]
        },
    ],
)
async def test_case_39_whatever_else_differs_there_is_no_semantic_hit(
    semantic: Semantic, changed: dict[str, Any]
) -> None:
    gateway = gateway_with(semantic)
    await gateway.ask(asking())
    assert cache_of(await gateway.ask(asking(AGAIN, **changed))) != b"semantic"
    assert len(gateway.network.requests) == 2


async def test_case_39_tools_keep_a_request_out_unless_the_policy_lets_them_take_part(semantic: Semantic) -> None:
    tools = [{"type": "function", "function": {"name": "search", "parameters": {}}}]
    gateway = gateway_with(semantic)
    for question in (FIRST, AGAIN):
        await gateway.ask(asking(question, tools=tools))
    assert (finding_of(gateway).end, finding_of(gateway).bar) == (SemanticEnd.BARRED, SemanticBar.TOOLS)
    gateway = gateway_with(semantic, SEMANTIC.replace("shadow: 0.1%", "shadow: 0.1%, tools: true"))
    await gateway.ask(asking(tools=tools))
    assert cache_of(await gateway.ask(asking(AGAIN, tools=tools))) == b"semantic"
    assert cache_of(await gateway.ask(asking(AGAIN))) == b"miss"


async def test_case_41_no_tenant_is_given_the_answer_to_anothers_question(semantic: Semantic) -> None:
    gateway = gateway_with(semantic, SEMANTIC + CLOSED)
    await gateway.ask(asking(), key=TEAM_KEY)
    other = await gateway.ask(asking(AGAIN), key=GUEST_KEY)
    assert (cache_of(other), finding_of(gateway).end) == (b"miss", SemanticEnd.NOTHING)
    assert cache_of(await gateway.ask(asking(AGAIN), key=TEAM_KEY)) == b"semantic"


@pytest.mark.parametrize(
    ("question", "bar"),
    [
        ([{"type": "text", "text": FIRST}, {"type": "text", "text": AGAIN}], SemanticBar.TURN),
        ("What is the weather today?", SemanticBar.VOLATILE),
        ("Tell me another joke", SemanticBar.CREATIVE),
        ("x" * 600, SemanticBar.TOO_LONG),
    ],
)
async def test_what_is_barred_is_told_and_nothing_is_kept_of_its_words(
    semantic: Semantic, question: Any, bar: SemanticBar
) -> None:
    gateway = gateway_with(semantic)
    client = await gateway.ask(asking(question))
    assert (cache_of(client), finding_of(gateway)) == (b"miss", SemanticFinding(SemanticEnd.BARRED, bar))
    assert semantic.index.stats()["entries"] == 0


async def test_another_operation_is_barred(semantic: Semantic) -> None:
    gateway = gateway_with(semantic)
    await gateway.ask({"model": "auto", "prompt": FIRST}, operation=Operation.COMPLETIONS)
    assert finding_of(gateway).bar is SemanticBar.OPERATION


async def test_a_difficulty_model_without_a_verifier_judges_nothing() -> None:
    gateway = Gateway(SEMANTIC)
    client = await gateway.ask(asking())
    assert cache_of(client) == b"miss"
    assert finding_of(gateway).bar is SemanticBar.NO_VERIFIER


async def test_case_47_a_question_that_cannot_be_embedded_is_a_miss(semantic: Semantic) -> None:
    gateway = gateway_with(semantic)
    await gateway.ask(asking())
    semantic.embedder.is_stalled = True
    client = await gateway.ask(asking(AGAIN))
    assert (cache_of(client), finding_of(gateway).end) == (b"miss", SemanticEnd.UNREAD)
    assert gateway.faults == []


@pytest.mark.parametrize(
    "headers",
    [
        ((b"x-tiergate-cache", b"exact"),),
        ((b"x-tiergate-cache", b"off"),),
        ((b"cache-control", b"no-cache"),),
    ],
)
async def test_a_caller_may_refuse_answers_to_other_words(
    semantic: Semantic, headers: tuple[tuple[bytes, bytes], ...]
) -> None:
    gateway = gateway_with(semantic)
    await gateway.ask(asking())
    client = await gateway.ask(asking(AGAIN), headers=headers)
    assert cache_of(client) in (b"miss", b"bypass")
    assert gateway.receipt.semantic is None


async def test_an_answer_older_than_the_client_takes_is_not_given(semantic: Semantic) -> None:
    gateway = gateway_with(semantic)
    await gateway.ask(asking())
    semantic.clock.advance(60)
    client = await gateway.ask(asking(AGAIN), headers=((b"cache-control", b"max-age=30"),))
    assert (cache_of(client), finding_of(gateway).end) == (b"miss", SemanticEnd.GONE)


async def test_no_store_keeps_nothing_of_the_words_either(semantic: Semantic) -> None:
    gateway = gateway_with(semantic)
    await gateway.ask(asking(), headers=((b"cache-control", b"no-store"),))
    assert semantic.index.stats()["entries"] == 0


async def test_an_entry_lives_for_the_time_of_the_policy_and_no_hit_prolongs_it(semantic: Semantic) -> None:
    gateway = gateway_with(semantic, SEMANTIC.replace("shadow: 0.1%", "shadow: 0.1%, ttl: 10m"))
    await gateway.ask(asking())
    semantic.clock.advance(599)
    assert cache_of(await gateway.ask(asking(AGAIN))) == b"semantic"
    semantic.clock.advance(1)
    assert cache_of(await gateway.ask(asking(AGAIN))) == b"miss"


async def test_a_route_without_semantic_hits_looks_for_none(semantic: Semantic) -> None:
    gateway = gateway_with(semantic, TWO_TIERS)
    await gateway.ask(asking())
    assert cache_of(await gateway.ask(asking(AGAIN))) == b"miss"
    assert gateway.receipt.semantic is None


class Faltering(MemoryCache):
    """A cache that has lost what it is told, and may never answer for the rest."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock)
        self.lost: set[str] = set()
        self.answers = asyncio.Event()
        self.answers.set()

    async def get(self, key: ExactKey) -> CachedAnswer | None:
        answer = await super().get(key)
        if answer is not None:
            await self.answers.wait()
        return None if key.digest in self.lost else answer


def faltering(semantic: Semantic) -> tuple[Gateway, Faltering]:
    gateway, cache = gateway_with(semantic), Faltering(semantic.clock)
    gateway.pipeline = Pipeline(replace(gateway.world, cache=cache))
    return gateway, cache


async def test_a_candidate_whose_answer_is_gone_is_passed_over_for_the_next(semantic: Semantic) -> None:
    semantic.verifier.tell(NEARER, AGAIN, 0.99)
    gateway, cache = faltering(semantic)
    await gateway.ask(asking())
    await gateway.ask(asking(NEARER))
    assert gateway.receipt.cache_entry is not None
    cache.lost.add(gateway.receipt.cache_entry)
    client = await gateway.ask(asking(AGAIN))
    assert (cache_of(client), finding_of(gateway).probability) == (b"semantic", 0.95)


async def test_answers_that_are_gone_are_a_miss_about_the_best_candidate(semantic: Semantic) -> None:
    gateway, cache = faltering(semantic)
    await gateway.ask(asking())
    assert gateway.receipt.cache_entry is not None
    cache.lost.add(gateway.receipt.cache_entry)
    client = await gateway.ask(asking(AGAIN))
    assert (cache_of(client), finding_of(gateway).end) == (b"miss", SemanticEnd.GONE)
    assert len(gateway.network.requests) == 2


async def test_an_answer_that_does_not_come_in_time_is_a_miss(semantic: Semantic) -> None:
    gateway, cache = faltering(semantic)
    await gateway.ask(asking())
    cache.answers.clear()
    client = await gateway.ask(asking(AGAIN))
    assert (cache_of(client), finding_of(gateway).end) == (b"miss", SemanticEnd.GONE)
    assert gateway.faults == []


class OnAServer(MemorySemanticIndex):
    """An index that a server searches, which takes 3 ms."""

    is_remote = True

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock)
        self.clock = clock
        self.within_s: list[float] = []

    async def nearest(self, scope: SemanticScope, vector: bytes, count: int, within_s: float) -> Sequence[Neighbour]:
        self.within_s.append(within_s)
        self.clock.advance(0.003)
        return await super().nearest(scope, vector, count, within_s)


async def test_a_search_by_a_server_has_the_time_that_is_left_and_is_waited_for(semantic: Semantic) -> None:
    index = OnAServer(semantic.clock)
    gateway = Gateway(SEMANTIC, semantic=replace(semantic.parts, index=index), clock=semantic.clock)
    for question, told in ((FIRST, SemanticEnd.NOTHING), (AGAIN, SemanticEnd.HIT)):
        await gateway.ask(asking(question))
        assert finding_of(gateway).end is told
        assert index.within_s.pop() == WITHIN_S
    assert gateway.receipt.external_ms == pytest.approx(3.0)


async def test_what_is_found_in_memory_costs_the_gateways_own_time(semantic: Semantic) -> None:
    index = OnAServer(semantic.clock)
    index.is_remote = False
    gateway = Gateway(SEMANTIC, semantic=replace(semantic.parts, index=index), clock=semantic.clock)
    for question in (FIRST, AGAIN):
        await gateway.ask(asking(question))
    assert finding_of(gateway).end is SemanticEnd.HIT
    assert gateway.receipt.external_ms == 0.0


async def test_while_no_threshold_keeps_the_bound_nothing_is_served_and_everything_teaches(semantic: Semantic) -> None:
    gateway = gateway_with(semantic)
    await gateway.ask(asking())
    await gateway.ask(asking(AGAIN))
    (hit_class,) = semantic.proofs.held
    for _ in range(30):
        semantic.proofs.label(hit_class, HitLabel(0.95, is_wrong=True), 0.0)
    assert semantic.changes == [(hit_class, Standing.EXACT_ONLY)]
    client = await gateway.ask(asking(AGAIN))
    assert cache_of(client) == b"miss"
    found = finding_of(gateway)
    assert (found.end, found.threshold, found.agrees) == (SemanticEnd.REFUSED, None, True)
    assert semantic.proofs.right == 1


async def test_a_route_that_is_scored_by_the_encoder_has_the_encoders_judge_and_scopes_of_its_own(
    semantic: Semantic,
) -> None:
    by_encoder = semantic.add_encoder()
    gateway = gateway_with(semantic, SEMANTIC.replace("cache: {exact: 1h,", "scorer: encoder, cache: {exact: 1h,"))
    await gateway.ask(asking())
    scope = finding_of(gateway).scope
    await gateway.ask(asking(AGAIN))
    assert finding_of(gateway).end is SemanticEnd.REFUSED, "the encoder's verifier was told nothing of them"
    by_encoder.tell(FIRST, NEARER, 0.95)
    await gateway.ask(asking(NEARER))
    assert finding_of(gateway).end is SemanticEnd.HIT
    elsewhere = gateway_with(semantic)
    await elsewhere.ask(asking())
    assert finding_of(elsewhere).end is SemanticEnd.NOTHING, "questions of another space"
    assert finding_of(elsewhere).scope != scope
