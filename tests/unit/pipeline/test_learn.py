"""What is kept of answered requests, what labels do to decisions, and what becomes of opinions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from gateway.adapters.memory_answered import MemoryAnswered
from gateway.adapters.memory_reservoir import MemoryReservoir
from gateway.domain.ability import Correction, Score
from gateway.domain.errors import ErrorCode, GatewayError
from gateway.domain.feedback import AnsweredRequest, Feedback, FeedbackOutcome, Label
from gateway.domain.ids import RequestId, TenantId
from gateway.domain.request import Operation
from gateway.domain.tier import Tier
from gateway.pipeline.learn import Opinions
from gateway.ports import StoreUnavailable
from gateway.wire.feedback_json import Opinion
from tests.support.behaviours import fails
from tests.support.gateways import CHAT, GUEST_KEY, KEYED, MIDDLING, STREAM, TEAM_KEY, TWO_TIERS, FixedScorer, Gateway

TEAM, GUEST = TenantId("team"), TenantId("guest")
EDGE = TWO_TIERS.replace("dial: 1000000", "dial: 50")
"""At this dial a request of middling difficulty goes to the small tier, but not by much."""


def other(number: int) -> dict[str, Any]:
    """Ask something that no cache holds."""
    return {**CHAT, "seed": number}


async def rate(gateway: Gateway, score: float, *, tenant: TenantId | None = None) -> None:
    """Rate the last answer."""
    receipt = gateway.receipt
    assert receipt.tenant is not None
    await Opinions(gateway.world).take(tenant or receipt.tenant, Opinion(receipt.request_id, score, ""))


async def kept(gateway: Gateway, tenant: TenantId, number: int = 1) -> AnsweredRequest | None:
    return await gateway.world.answered.get(tenant, RequestId(f"req_{number}"))


async def test_what_feedback_needs_is_kept_without_the_prompt() -> None:
    gateway = Gateway(KEYED, scorer=FixedScorer(replace(MIDDLING, embedding=b"\x01\x02")))
    await gateway.ask(CHAT, key=TEAM_KEY)
    answered, receipt = await kept(gateway, TEAM), gateway.receipt
    assert answered is not None
    assert (answered.tier, answered.model, answered.reference) == ("small", "answer", "llama-3.1-8b-instruct")
    assert (answered.latent, answered.familiarity, answered.embedding) == ((0.0, 0.0), 1.0, b"\x01\x02")
    assert (answered.route, answered.propensity, answered.text) == ("balanced", 1.0, "")
    assert (answered.input_tokens, answered.output_tokens) == (receipt.usage.input_tokens, receipt.usage.output_tokens)
    assert (answered.charge_usd_nano, answered.duration_ms) == (receipt.charge_usd_nano, receipt.times.end_ms)
    assert answered.artefact == gateway.policy.snapshot.artefact != ""
    assert receipt.decision is not None
    assert receipt.decision.score.embedding == b""


async def test_the_prompt_is_kept_where_the_tenants_policy_says_so() -> None:
    gateway = Gateway(KEYED.replace("rate: {rpm: 2}", "rate: {rpm: 2}, record_text: true"))
    await gateway.ask(CHAT, key=GUEST_KEY)
    answered = await kept(gateway, GUEST)
    assert answered is not None
    assert answered.text == "What is the capital of France?"


async def test_a_stream_is_kept_too_and_nothing_that_no_tier_answered() -> None:
    gateway = Gateway()
    await gateway.ask(STREAM)
    tenant = gateway.receipt.tenant
    assert tenant is not None
    assert await kept(gateway, tenant) is not None
    await gateway.ask(CHAT)
    assert gateway.receipt.cache == "exact"
    await gateway.ask(b"{")
    await gateway.ask({"model": "auto", "input": "hello"}, operation=Operation.EMBEDDINGS)
    gateway.network.plan.general = fails(500)
    await gateway.ask(other(1))
    assert [await kept(gateway, tenant, number) for number in (2, 3, 4, 5)] == [None] * 4


@pytest.mark.parametrize(("sample", "rows"), [("0", 0), ("50%", 1)])
async def test_a_share_of_unrated_answers_leaves_training_records(sample: str, rows: int) -> None:
    gateway = Gateway(TWO_TIERS + f"feedback: {{sample: {sample}}}\n")
    await gateway.ask(CHAT)
    assert gateway.records.labels == [None] * rows


async def test_bad_ratings_of_a_tier_move_the_next_request_like_it_to_a_better_one() -> None:
    gateway = Gateway(EDGE)
    for number in range(8):
        await gateway.ask(other(number))
        if gateway.receipt.tier == "large":
            break
        await rate(gateway, 0.0)
    assert 1 <= number <= 6
    decision = gateway.receipt.decision
    assert decision is not None
    (correction,) = decision.score.corrections
    assert (correction.tier, correction.labels) == ("small", float(number))
    assert correction.logit < 0.0
    assert gateway.records.labels == [0.0] * number


async def test_ratings_move_only_the_tenant_that_gave_them_unless_the_policy_shares_them() -> None:
    for terms, moved in (("", False), ("feedback: {scope: shared}\n", True)):
        gateway = Gateway(KEYED + terms)
        await gateway.ask(CHAT, key=TEAM_KEY)
        await rate(gateway, 0.0)
        await gateway.ask(CHAT, key=GUEST_KEY)
        assert gateway.receipt.decision is not None
        assert bool(gateway.receipt.decision.score.corrections) is moved
        await gateway.ask(other(1), key=TEAM_KEY)
        assert gateway.receipt.decision is not None
        assert gateway.receipt.decision.score.corrections


async def test_ratings_count_in_the_question_whether_a_better_score_is_worth_asking_for() -> None:
    scorer = FixedScorer(replace(MIDDLING, spread=(0.05, 0.05)))
    gateway = Gateway(EDGE, scorer=scorer)
    await gateway.ask(other(0))
    for number in range(1, 40):
        await rate(gateway, 1.0)
        await gateway.ask(other(number))
    assert scorer.is_open[-1] is False


async def test_a_pinned_request_can_be_rated_and_moves_nothing() -> None:
    gateway = Gateway()
    await gateway.ask({**CHAT, "model": "small"})
    await rate(gateway, 0.0)
    assert gateway.records.labels == [0.0]
    assert gateway.world.reservoir.stats()["labels"] == 0


@dataclass(slots=True)
class Broken:
    """A store that answers what it is asked first, and from then on fails."""

    answered: MemoryAnswered = field(default_factory=lambda: MemoryAnswered(10))
    labels: MemoryReservoir = field(default_factory=MemoryReservoir)
    fails_at: str = ""

    def _check(self, name: str) -> None:
        if name == self.fails_at:
            raise StoreUnavailable

    def put(self, answered: AnsweredRequest) -> None:
        self.answered.put(answered)

    async def get(self, tenant: TenantId, request_id: RequestId) -> AnsweredRequest | None:
        self._check("get")
        return await self.answered.get(tenant, request_id)

    async def note(self, tenant: TenantId, request_id: RequestId, feedback: Feedback) -> Feedback | None:
        self._check("note")
        return await self.answered.note(tenant, request_id, feedback)

    async def noted(self, tenant: TenantId, request_id: RequestId) -> Feedback | None:
        self._check("noted")
        return await self.answered.noted(tenant, request_id)

    def corrections(
        self, tenant: TenantId, tiers: Sequence[Tier], score: Score, space: str, *, shared: bool
    ) -> tuple[Correction, ...]:
        return self.labels.corrections(tenant, tiers, score, space, shared=shared)

    async def add(self, label: Label) -> None:
        self._check("add")
        await self.labels.add(label)

    async def listen(self) -> None:
        """There is nobody to listen to."""

    def stats(self) -> Mapping[str, int]:
        return self.labels.stats()

    async def aclose(self) -> None:
        """Nothing to close."""


@pytest.mark.parametrize("fails_at", ["get", "noted", "add", "note"])
async def test_what_could_not_be_recorded_is_told_and_the_next_try_mends_it(fails_at: str) -> None:
    gateway = Gateway()
    store = Broken()
    gateway.world = replace(gateway.world, answered=store, reservoir=store)
    gateway.pipeline = type(gateway.pipeline)(gateway.world)
    await gateway.ask(CHAT)
    tenant, opinions = gateway.receipt.tenant, Opinions(gateway.world)
    assert tenant is not None
    said = Opinion(gateway.receipt.request_id, 0.5, "so so")
    store.fails_at = fails_at
    with pytest.raises(GatewayError) as told:
        await opinions.take(tenant, said)
    assert told.value.code is ErrorCode.FEEDBACK_UNAVAILABLE
    assert told.value.retry_after_s is not None
    assert gateway.records.rows == []
    store.fails_at = ""
    assert (await opinions.take(tenant, said))[2] is FeedbackOutcome.ACCEPTED
    assert store.stats()["labels"] == 1
    assert gateway.records.labels == [0.5]
    assert opinions.counts == {FeedbackOutcome.UNAVAILABLE: 1, FeedbackOutcome.ACCEPTED: 1}


@pytest.mark.parametrize(
    ("asked", "rated", "code", "outcome"),
    [
        ("nothing", "req_1", ErrorCode.NOT_FOUND, FeedbackOutcome.UNKNOWN),
        ("what is in the cache", "req_2", ErrorCode.INVALID_VALUE, FeedbackOutcome.UNANSWERED),
    ],
)
async def test_what_no_tier_answered_cannot_be_rated(
    asked: str, rated: str, code: ErrorCode, outcome: FeedbackOutcome
) -> None:
    gateway = Gateway()
    opinions = Opinions(gateway.world)
    if asked != "nothing":
        for _ in range(2):
            await gateway.ask(CHAT)
    with pytest.raises(GatewayError) as refused:
        await opinions.take(TenantId("open"), Opinion(RequestId(rated), 1.0, ""))
    assert (refused.value.code, opinions.counts) == (code, {outcome: 1})


async def test_the_same_score_again_changes_nothing_and_another_counts_in_its_place() -> None:
    gateway = Gateway()
    await gateway.ask(CHAT)
    opinions, tenant = Opinions(gateway.world), TenantId("open")
    taken = [await opinions.take(tenant, Opinion(RequestId("req_1"), score, "")) for score in (1.0, 1.0, 0.0)]
    assert [outcome for _, _, outcome in taken] == [
        FeedbackOutcome.ACCEPTED,
        FeedbackOutcome.REPEATED,
        FeedbackOutcome.REPLACED,
    ]
    assert gateway.records.labels == [1.0, 0.0]
