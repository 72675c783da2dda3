"""What goes to a server that cannot take all of a request: the rest, and a receipt that says what was left out."""

import json
from typing import Any

from gateway.wire.receipt_json import decode_receipt, encode_receipt
from tests.support.behaviours import fails
from tests.support.gateways import CHAT, STREAM, TWO_TIERS, Gateway
from tests.unit.pipeline.test_converse import CALL, EASY, FIRST, HARD, RESULT, a_gateway, tier_of

STRICT = TWO_TIERS.replace("supports: [tools]\n", "supports: [tools]\n    refuses: [reasoning_effort, seed]\n")
THOUGHT = {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}
TEXT = {"type": "text", "text": "So be it."}
THOUGHTFUL: dict[str, Any] = {"role": "assistant", "content": [THOUGHT, TEXT]}
CALLING: dict[str, Any] = {"role": "assistant", "content": [THOUGHT], "tool_calls": [CALL]}
NEXT: dict[str, Any] = {"role": "user", "content": "And then?"}


def messages_sent(gateway: Gateway) -> list[Any]:
    """Return the messages that the last server was sent, less the system's."""
    sent: list[Any] = gateway.network.requests[-1].json["messages"]
    return sent[1:]


def removed(gateway: Gateway) -> list[tuple[str, ...]]:
    return [attempt.removed for attempt in gateway.receipt.attempts]


async def test_what_a_tier_refuses_is_not_sent_to_it_and_the_receipt_names_it() -> None:
    gateway = Gateway(STRICT)
    await gateway.ask({**STREAM, "reasoning_effort": "low", "seed": 7, "top_p": 0.5})
    sent = gateway.network.requests[-1].json
    assert sent.keys() == {"model", "messages", "stream", "stream_options", "top_p"}
    assert removed(gateway) == [("seed", "reasoning_effort")]
    assert b'"removed":["seed","reasoning_effort"]' in encode_receipt(gateway.receipt)
    assert decode_receipt(encode_receipt(gateway.receipt)) == gateway.receipt


async def test_a_tier_that_takes_it_is_sent_it_in_the_same_request() -> None:
    gateway = Gateway(STRICT)
    gateway.network.plan.models["answer"] = fails(500)
    await gateway.ask({**CHAT, "reasoning_effort": "low"})
    assert removed(gateway) == [("reasoning_effort",), ("reasoning_effort",), ()]
    assert gateway.network.requests[-1].json["reasoning_effort"] == "low"


async def test_a_body_of_which_nothing_is_removed_goes_as_it_came() -> None:
    gateway = Gateway(STRICT)
    body = json.dumps({**CHAT, "temperature": 1.50, "user": "seed"}, indent=1).encode()
    await gateway.ask(body)
    assert gateway.network.requests[-1].body == body.replace(b'"auto"', b'"answer"')
    assert removed(gateway) == [()]


async def test_thoughts_that_another_tier_signed_are_not_sent_and_the_receipt_says_so() -> None:
    gateway, scorer = a_gateway()
    scorer.found = EASY
    assert await tier_of(gateway, FIRST) == "small"
    scorer.found = HARD
    assert await tier_of(gateway, FIRST, THOUGHTFUL, NEXT) == "large"
    assert messages_sent(gateway) == [FIRST, {**THOUGHTFUL, "content": [TEXT]}, NEXT]
    assert removed(gateway) == [("messages.content.thinking",)]


async def test_thoughts_go_back_to_the_tier_that_signed_them() -> None:
    gateway, scorer = a_gateway()
    scorer.found = HARD
    assert await tier_of(gateway, FIRST) == "large"
    assert await tier_of(gateway, FIRST, CALLING, RESULT) == "large"
    assert messages_sent(gateway) == [FIRST, CALLING, RESULT]
    assert removed(gateway) == [()]


async def test_behind_a_switch_older_turns_stay_foreign_and_the_open_tool_loop_is_the_tiers_own() -> None:
    gateway, scorer = a_gateway()
    scorer.found = EASY
    await tier_of(gateway, FIRST)
    scorer.found = HARD
    assert await tier_of(gateway, FIRST, THOUGHTFUL, NEXT) == "large"
    for _ in range(2):
        assert await tier_of(gateway, FIRST, THOUGHTFUL, NEXT, CALLING, RESULT) == "large"
        assert messages_sent(gateway) == [FIRST, {**THOUGHTFUL, "content": [TEXT]}, NEXT, CALLING, RESULT]


async def test_a_fallback_within_a_tool_loop_is_sent_no_thoughts_of_the_tier_that_failed() -> None:
    gateway, scorer = a_gateway()
    scorer.found = EASY
    await tier_of(gateway, FIRST)
    gateway.network.plan.models["answer"] = fails(500)
    assert await tier_of(gateway, FIRST, CALLING, RESULT) == "large"
    assert removed(gateway) == [(), (), ("messages.content.thinking",)]
    assert messages_sent(gateway) == [FIRST, {**CALLING, "content": None}, RESULT]


async def test_of_a_conversation_of_which_nothing_is_known_all_goes_as_it_came() -> None:
    gateway, _ = a_gateway()
    await tier_of(gateway, FIRST, THOUGHTFUL, NEXT)
    assert messages_sent(gateway) == [FIRST, THOUGHTFUL, NEXT]
