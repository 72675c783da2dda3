"""Conversations through a whole gateway: where each turn goes, and what its receipt says of that."""

from dataclasses import replace
from typing import Any

import pytest

from gateway.domain.ability import Score
from gateway.domain.conversation import ConversationKey, ConversationNote, Standing, Verdict
from gateway.domain.decision import ReasonCode
from gateway.domain.ids import EndpointId, TierName
from gateway.domain.request import Operation
from gateway.pipeline.drive import Pipeline
from tests.support.gateways import CLOSED, GUEST_KEY, KEYED, TEAM_KEY, TWO_TIERS, FixedScorer, Gateway, hosts

EASY, HARD = Score((3.0, 0.0), 1.0, "fixed"), Score((0.0, -3.0), 1.0, "fixed")
POLICY = TWO_TIERS.replace("dial: 1000000", "dial: 20").replace("input: 10,", "input: 10, cached_input: 1,")
"""At this dial the small tier is chosen for what is easy, the large one for what is hard."""
SYSTEM = {"role": "system", "content": "You help."}
FIRST: dict[str, Any] = {"role": "user", "content": "Prove it."}
ANSWER = {"role": "assistant", "content": "So be it."}
CALL = {"id": "1", "type": "function", "function": {}}
CALLS: dict[str, Any] = {"role": "assistant", "content": None, "tool_calls": [CALL]}
RESULT: dict[str, Any] = {"role": "tool", "tool_call_id": "1", "content": "42"}


def a_gateway(policy: str = POLICY) -> tuple[Gateway, FixedScorer]:
    scorer = FixedScorer(HARD)
    return Gateway(policy, scorer=scorer), scorer


async def tier_of(gateway: Gateway, *messages: dict[str, Any], **more: Any) -> str:
    """Ask, and return the tier that answered."""
    await gateway.ask({"model": "auto", "messages": [SYSTEM, *messages]}, **more)
    assert gateway.receipt.tier is not None
    return gateway.receipt.tier


def note_of(gateway: Gateway) -> ConversationNote:
    assert gateway.receipt.decision is not None
    assert gateway.receipt.decision.conversation is not None
    return gateway.receipt.decision.conversation


def a_turn(number: int) -> list[dict[str, Any]]:
    """Return the messages of a turn: all before it, and a question of its own."""
    before = [message for _ in range(number - 1) for message in (ANSWER, {"role": "user", "content": "And then?"})]
    return [FIRST, *before]


async def test_a_tool_loop_stays_with_the_tier_that_began_it_and_is_free_behind_it() -> None:
    gateway, scorer = a_gateway()
    assert await tier_of(gateway, FIRST) == "large"
    assert gateway.receipt.decision is not None
    assert gateway.receipt.decision.conversation is None, "a first turn goes on with nothing"
    scorer.found = EASY
    for steps in (1, 2, 3):
        assert await tier_of(gateway, FIRST, *[CALLS, RESULT] * steps) == "large"
        assert gateway.receipt.decision.reason is ReasonCode.CONVERSATION_LOCKED
        assert note_of(gateway).verdict is Verdict.LOCKED


async def test_a_conversation_goes_down_after_two_easy_turns_and_up_at_once() -> None:
    gateway, scorer = a_gateway(POLICY.replace("{dial: 20,", "{dial: 20, conversation: {switch_margin: 0},"))
    assert await tier_of(gateway, *a_turn(1)) == "large"
    scorer.found = EASY
    assert await tier_of(gateway, *a_turn(2)) == "large"
    assert (note_of(gateway).verdict, note_of(gateway).easy_turns) == (Verdict.KEPT, 1)
    assert await tier_of(gateway, *a_turn(3)) == "small"
    assert note_of(gateway).verdict is Verdict.SWITCHED
    scorer.found = HARD
    assert await tier_of(gateway, *a_turn(4)) == "large"
    assert gateway.receipt.decision is not None
    assert gateway.receipt.decision.reason is ReasonCode.CONVERSATION_SWITCHED


async def test_another_conversation_is_not_held() -> None:
    gateway, scorer = a_gateway()
    assert await tier_of(gateway, FIRST) == "large"
    scorer.found = EASY
    assert await tier_of(gateway, {"role": "user", "content": "Hi"}, CALLS, RESULT) == "small"


async def test_a_conversation_that_rested_begins_anew() -> None:
    gateway, scorer = a_gateway()
    assert await tier_of(gateway, FIRST) == "large"
    scorer.found = EASY
    gateway.clock.advance(1_801.0)
    assert await tier_of(gateway, FIRST, CALLS, RESULT) == "small"


async def test_where_the_policy_says_off_none_is_followed() -> None:
    gateway, scorer = a_gateway(POLICY.replace("{dial: 20,", "{dial: 20, conversation: {idle_reset: off},"))
    assert await tier_of(gateway, FIRST) == "large"
    scorer.found = EASY
    assert await tier_of(gateway, FIRST, CALLS, RESULT) == "small"


async def test_conversations_of_two_tenants_have_nothing_to_do_with_each_other() -> None:
    gateway, scorer = a_gateway(POLICY + CLOSED.replace("tiers: [small], ", ""))
    assert await tier_of(gateway, FIRST, key=TEAM_KEY) == "large"
    scorer.found = EASY
    assert await tier_of(gateway, FIRST, CALLS, RESULT, key=GUEST_KEY) == "small"
    assert await tier_of(gateway, FIRST, CALLS, RESULT, key=TEAM_KEY) == "large"


async def test_a_tier_that_the_caller_insists_on_is_taken_and_remembered() -> None:
    gateway, scorer = a_gateway(KEYED.replace("dial: 1000000", "dial: 20"))
    pin = ((b"x-tiergate-tier", b"small"),)
    assert await tier_of(gateway, FIRST, key=TEAM_KEY) == "large"
    assert await tier_of(gateway, FIRST, CALLS, RESULT, key=TEAM_KEY, headers=pin) == "small"
    assert await tier_of(gateway, FIRST, *[CALLS, RESULT] * 2, key=TEAM_KEY) == "small"
    assert scorer.asked == 2


class Asked:
    """A store that counts, and remembers nothing."""

    def __init__(self) -> None:
        self.gets = 0
        self.puts = 0

    async def get(self, key: ConversationKey) -> Standing | None:
        self.gets += 1
        return None

    def put(self, key: ConversationKey, standing: Standing, ttl_s: float) -> None:
        self.puts += 1

    async def aclose(self) -> None:
        """Nothing is open."""


@pytest.mark.parametrize(
    ("body", "operation", "gets", "puts"),
    [
        ({"model": "auto", "messages": [FIRST]}, Operation.CHAT, 0, 1),
        ({"model": "auto", "messages": a_turn(2)}, Operation.CHAT, 1, 1),
        ({"model": "auto", "prompt": "Once"}, Operation.COMPLETIONS, 0, 0),
        ({"model": "small", "messages": a_turn(2)}, Operation.CHAT, 1, 1),
        ({"model": "large", "messages": a_turn(2)}, Operation.CHAT, 0, 0),
        ({"model": "nothing", "messages": a_turn(2)}, Operation.CHAT, 0, 0),
    ],
    ids=["first turn", "second turn", "no chat", "one tier of two servers", "one server", "no such model"],
)
async def test_the_store_is_asked_only_where_its_answer_can_matter(
    body: dict[str, Any], operation: Operation, gets: int, puts: int
) -> None:
    gateway, store = Gateway(POLICY), Asked()
    gateway.pipeline = Pipeline(replace(gateway.world, conversations=store))
    await gateway.ask(body, operation=operation)
    assert (store.gets, store.puts) == (gets, puts)


class Remembering(Asked):
    """A store in which every conversation was answered by the second server of the small tier."""

    async def get(self, key: ConversationKey) -> Standing | None:
        return Standing(TierName("small"), EndpointId("small/1"), 10, 0, 1e12)


@pytest.mark.parametrize(("turn", "host"), [(1, "small-a:8000"), (2, "small-b:8000")])
async def test_a_turn_goes_to_the_server_that_has_the_prefix(turn: int, host: str) -> None:
    gateway = Gateway(POLICY)
    gateway.pipeline = Pipeline(replace(gateway.world, conversations=Remembering()))
    await gateway.ask({"model": "small", "messages": a_turn(turn)})
    assert hosts(gateway) == [host]
