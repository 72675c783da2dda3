"""Attempts over a ladder: what is tried after what, for how long, and which servers are left alone."""

import asyncio
import json
from dataclasses import replace

import httpx
import pytest

from gateway.core.retry_budget import BEGUN_FLOOR
from gateway.domain.ids import RouteName, TierName
from gateway.domain.money import format_usd
from gateway.domain.outcome import FailureKind, NoRetry, Outcome
from gateway.domain.request import Operation
from gateway.pipeline.drive import Pipeline
from gateway.ports import StaleConnection
from tests.support.behaviours import (
    always,
    fails,
    json_reply,
    speaks,
    stalls_before,
)
from tests.support.gateways import (
    CHAT,
    CLOSED,
    KEYED,
    STREAM,
    TEAM_KEY,
    TWO_TIERS,
    Books,
    Gateway,
    error_of,
    failures,
    hosts,
    text_of,
)
from tests.support.openai_bodies import error_body
from tests.support.scripts import Behaviour, Pause, Reply, SeenRequest, Unreachable
from tests.support.waiting import eventually


async def test_when_every_server_fails_the_client_is_told_without_addresses() -> None:
    gateway = Gateway()
    gateway.network.plan.general = fails(500)
    client = await gateway.ask(CHAT)
    assert client.responder.status == 502
    assert len(gateway.network.requests) == 3
    assert "8000" not in error_of(client)["message"]
    assert client.responder.headers[b"x-should-retry"] == b"false"
    assert gateway.receipt.outcome is Outcome.UPSTREAM_FAILED
    assert gateway.receipt.charge_usd_nano == 0


async def test_the_policy_says_after_which_failures_another_is_tried() -> None:
    gateway = Gateway(TWO_TIERS.replace("dial: 1000000,", "dial: 1000000, fallback: {on: [ttft]},"))
    gateway.network.plan.queue(fails(500))
    client = await gateway.ask(CHAT)
    assert client.responder.status == 502
    assert len(gateway.network.requests) == 1


async def test_the_deadline_ends_the_climb() -> None:
    gateway = Gateway(
        TWO_TIERS.replace("ttft: 100ms, stall: 100ms, answer: 100ms", "ttft: 1m").replace(
            "dial: 1000000,", "dial: 1000000, deadline: 100ms, stream_deadline: 100ms,"
        )
    )
    gateway.network.plan.general = stalls_before()
    client = await gateway.ask(CHAT)
    assert client.responder.status == 504
    assert error_of(client)["code"] == "deadline_exceeded"
    assert gateway.receipt.outcome is Outcome.DEADLINE
    assert gateway.network.requests[0].gone.is_set()


@pytest.mark.parametrize("wish", [b"3600", b"0.000001", b"-5"])
async def test_a_callers_patience_counts_between_a_second_and_the_routes_deadline(wish: bytes) -> None:
    gateway = Gateway(TWO_TIERS.replace("dial: 1000000,", "dial: 1000000, deadline: 100ms,"))
    gateway.network.plan.queue(lambda request: replace(spoken(request), before=(Pause(0.02),)), stalls_before())
    client = await gateway.ask({**CHAT, "seed": 1}, headers=((b"x-request-timeout", wish),))
    assert client.responder.status == 200, "nobody is let down at once, however impatient"
    client = await gateway.ask({**CHAT, "seed": 2}, headers=((b"x-request-timeout", wish),))
    assert client.responder.status == 504, "nor served beyond what the route allows"


async def test_a_patience_that_is_no_number_is_told_before_anything_is_held() -> None:
    books = Books()
    gateway = Gateway(KEYED, ledger=books)
    client = await gateway.ask(CHAT, key=TEAM_KEY, headers=((b"x-request-timeout", b"soon"),))
    assert client.responder.status == 400
    assert error_of(client)["param"] == "x-request-timeout"
    assert gateway.network.requests == []
    assert books.holds == []


async def test_a_server_that_is_too_slow_is_named_by_its_tier_and_its_failing() -> None:
    gateway = Gateway()
    gateway.network.plan.general = stalls_before()
    client = await gateway.ask(CHAT)
    assert client.responder.status == 504
    assert "small: no content within the time it had" in error_of(client)["message"]


@pytest.mark.parametrize(("retry_after", "told"), [(None, b"1"), ("7", b"7")])
async def test_when_every_server_is_busy_the_client_is_told_when_to_come_back(
    retry_after: str | None, told: bytes
) -> None:
    gateway = Gateway()
    gateway.network.plan.general = fails(429, retry_after=retry_after)
    client = await gateway.ask(CHAT)
    assert client.responder.status == 503
    assert error_of(client)["code"] == "tier_unavailable"
    assert client.responder.headers[b"retry-after"] == told
    assert b"x-should-retry" not in client.responder.headers


async def test_when_every_pool_is_full_the_client_is_told_at_once() -> None:
    gateway = Gateway()
    gateway.network.plan.general = always(Unreachable(httpx.PoolTimeout))
    client = await gateway.ask(CHAT)
    assert client.responder.status == 502
    assert failures(gateway) == [FailureKind.CONNECT] * 3


BUSY_AT_ALL = TWO_TIERS.replace('{url: "http://small-a:8000/v1"}, ', "")
"""Of the small tier one server, so that there is no neighbour."""


@pytest.mark.parametrize(
    ("retry_after", "tier"),
    [
        ("0", b"small"),
        ("0.02", b"small"),
        ("1.5", b"large"),
        ("3600", b"large"),
        ("Wed, 21 Oct 2099 07:28:00 GMT", b"large"),
        ("soon", b"large"),
        ("-1", b"large"),
        ("9" * 400, b"large"),
        (None, b"large"),
    ],
)
async def test_a_busy_server_is_waited_for_only_if_it_asks_for_no_more_than_a_second(
    retry_after: str | None, tier: bytes
) -> None:
    gateway = Gateway(BUSY_AT_ALL)
    gateway.network.plan.queue(fails(429, retry_after=retry_after))
    client = await gateway.ask(CHAT)
    assert client.responder.status == 200
    assert client.responder.headers[b"x-tiergate-tier"] == tier
    assert failures(gateway) == [FailureKind.BUSY, None]


async def test_a_wait_that_the_deadline_does_not_allow_is_not_begun() -> None:
    gateway = Gateway(BUSY_AT_ALL.replace("dial: 1000000,", "dial: 1000000, deadline: 200ms,"))
    gateway.network.plan.queue(fails(429, retry_after="0.9"))
    client = await gateway.ask(CHAT)
    assert client.responder.headers[b"x-tiergate-tier"] == b"large"


async def test_a_client_that_leaves_while_a_busy_server_is_waited_for_is_not_waited_for() -> None:
    gateway = Gateway(BUSY_AT_ALL)
    gateway.network.plan.queue(fails(429, retry_after="1"))
    client = gateway.client(CHAT)
    serving = asyncio.create_task(gateway.serve(client))
    await eventually(lambda: gateway.network.requests and gateway.network.requests[0].gone.is_set())
    client.leave()
    await serving
    assert gateway.receipt.outcome is Outcome.CLIENT_GONE_BEFORE
    assert len(gateway.network.requests) == 1


TOO_LONG = always(json_reply(400, error_body("This model's maximum context length is 4096 tokens.", "invalid", 400)))


@pytest.mark.parametrize("body", [CHAT, STREAM])
async def test_a_prompt_too_long_for_a_tier_is_answered_by_one_with_a_larger_window(body: dict[str, object]) -> None:
    gateway = Gateway()
    gateway.network.plan.models["answer"] = TOO_LONG
    client = await gateway.ask(body)
    assert client.responder.headers[b"x-tiergate-tier"] == b"large"
    assert failures(gateway) == [FailureKind.CONTEXT_LENGTH, None], "its neighbour would say the same"


@pytest.mark.parametrize("model", ["auto", "small"])
async def test_a_prompt_too_long_for_every_tier_is_refused_in_the_servers_words(model: str) -> None:
    gateway = Gateway()
    gateway.network.plan.general = TOO_LONG
    client = await gateway.ask({**CHAT, "model": model})
    assert client.responder.status == 400
    assert error_of(client)["code"] == "context_length_exceeded"
    assert gateway.receipt.no_retry is NoRetry.EXHAUSTED


async def test_a_retry_that_the_budget_does_not_grant_is_not_made_and_the_receipt_says_so() -> None:
    gateway = Gateway()
    gateway.network.plan.general = fails(500)
    for seed in range(3):
        await gateway.ask({**CHAT, "seed": seed})
    assert len(gateway.network.requests) == 3 + BEGUN_FLOOR, "one in ten is less than the floor"
    client = await gateway.ask({**CHAT, "seed": 3})
    assert client.responder.status == 502
    assert len(gateway.receipt.attempts) == 1
    assert gateway.receipt.no_retry is NoRetry.RETRY_BUDGET
    assert "Retries are limited for now." in error_of(client)["message"]


async def test_what_must_not_be_done_twice_is_not_asked_twice() -> None:
    gateway = Gateway(TWO_TIERS.replace("dial: 1000000,", "dial: 1000000, fallback: {replay: false},"))
    gateway.network.plan.queue(fails(500))
    client = await gateway.ask(CHAT)
    assert client.responder.status == 502
    assert gateway.receipt.no_retry is NoRetry.NOT_REPLAYABLE
    gateway.network.plan.queue(always(Unreachable()))
    client = await gateway.ask({**CHAT, "seed": 1})
    assert client.responder.status == 200, "nothing had been sent"


async def test_a_kept_connection_that_died_is_replaced_at_the_same_server_against_which_nothing_is_held() -> None:
    gateway = Gateway(TWO_TIERS.replace("dial: 1000000,", "dial: 1000000, fallback: {on: []},"))
    asked: list[httpx.Request] = []

    async def die_once(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        if len(asked) == 1:
            raise StaleConnection("scripted")
        return await gateway.network.handle_async_request(request)

    world = replace(gateway.world, transports={"lean": httpx.MockTransport(die_once)})
    client = gateway.client(CHAT)
    await Pipeline(world)(Operation.CHAT, client.inbound, client.responder)
    assert client.responder.status == 200
    assert failures(gateway) == [FailureKind.STALE, None]
    assert asked[0].url == asked[1].url
    assert "fresh_connection" not in asked[0].extensions
    assert asked[1].extensions["fresh_connection"]
    await gateway.ask({**CHAT, "seed": 1})
    assert hosts(gateway)[-1] == hosts(gateway)[0], "the server is not left alone"


HEDGED = TWO_TIERS.replace("ttft: 100ms", "ttft: 1m").replace(
    "balanced: {dial: 1000000,", "balanced: {dial: 1000000, hedge: {after: 20ms, budget: 10%, max_prompt: 100},"
)


def with_traffic(policy: str) -> Gateway:
    """Build a gateway whose route has had enough requests for a hedge."""
    gateway = Gateway(policy)
    for _ in range(20):
        gateway.world.hedges.admit(RouteName("balanced"), gateway.clock.now_s())
    return gateway


async def test_a_silent_server_is_hedged_and_the_loser_let_go_and_counted_as_waste() -> None:
    gateway = with_traffic(HEDGED)
    gateway.network.plan.queue(stalls_before())
    client = await gateway.ask(STREAM)
    assert text_of(client) == "Paris is the capital."
    assert failures(gateway) == [None, None]
    loser, winner = gateway.receipt.attempts
    assert gateway.network.requests[0].gone.is_set()
    assert len(set(hosts(gateway))) == 2
    assert (loser.charge_usd_nano, winner.waste_usd_nano) == (0, 0)
    assert gateway.receipt.waste_usd_nano == loser.waste_usd_nano > 0
    assert gateway.receipt.charge_usd_nano == winner.charge_usd_nano > 0


async def test_what_a_hedged_call_waited_in_vain_is_learnt_of_its_tier_and_server() -> None:
    gateway = with_traffic(HEDGED)
    gateway.network.plan.queue(stalls_before())
    await gateway.ask(STREAM)
    assert sum(gateway.world.slos.tier(TierName("small")).window.ttft_counts(0)) == 2
    small = gateway.policy.snapshot.tiers[TierName("small")]
    assert all(gateway.world.endpoints.state(endpoint).slowness.ratio > 0.0 for endpoint in small.endpoints)


async def test_a_hedge_that_loses_says_nothing_of_its_server() -> None:
    gateway = with_traffic(HEDGED)
    gateway.network.plan.queue(lambda request: replace(spoken(request), before=(Pause(0.06),)), stalls_before())
    await gateway.ask(STREAM)
    assert len(gateway.receipt.attempts) == 2
    assert sum(gateway.world.slos.tier(TierName("small")).window.ttft_counts(0)) == 1


async def test_a_hedge_may_wait_for_as_long_as_nearly_all_streams_of_the_tier_take() -> None:
    gateway = with_traffic(HEDGED.replace("after: 20ms", "after: auto"))
    small = gateway.policy.snapshot.tiers[TierName("small")]
    gateway.network.plan.queue(stalls_before())
    for _ in range(40):
        gateway.world.slos.first_content(small, 10, 0.02, gateway.clock.now_s())
    client = await gateway.ask(STREAM)
    assert text_of(client) == "Paris is the capital."
    assert len(gateway.receipt.attempts) == 2


@pytest.mark.parametrize(
    ("policy", "body"),
    [
        (HEDGED, CHAT),
        (HEDGED.replace("max_prompt: 100", "max_prompt: 1"), STREAM),
        (HEDGED.replace("after: 20ms", "after: auto"), STREAM),
        (
            HEDGED.replace('{url: "http://small-a:8000/v1"}, ', "").replace(
                '[{url: "http://large', '[{url: "http://larger:8000/v1"}, {url: "http://large'
            ),
            STREAM,
        ),
    ],
    ids=["a whole answer", "a long prompt", "no streams known yet", "no server to spare"],
)
async def test_what_is_not_to_be_hedged_is_not(policy: str, body: dict[str, object]) -> None:
    gateway = with_traffic(policy)
    gateway.network.plan.queue(lambda request: replace(spoken(request), before=(Pause(0.06),)))
    await gateway.ask(body)
    assert len(gateway.network.requests) == 1
    assert gateway.receipt.outcome is Outcome.SUCCESS_UPSTREAM


async def test_a_client_that_leaves_a_hedged_request_frees_both_servers() -> None:
    gateway = with_traffic(HEDGED)
    gateway.network.plan.general = stalls_before()
    client = gateway.client(STREAM)
    serving = asyncio.create_task(gateway.serve(client))
    await eventually(lambda: len(gateway.network.requests) == 2)
    client.leave()
    await serving
    assert all(seen.gone.is_set() for seen in gateway.network.requests)
    assert gateway.receipt.outcome is Outcome.CLIENT_GONE_BEFORE


PICKY = TWO_TIERS.replace(
    "dial: 1000000,", "dial: 1000000, fallback: {on: [connect, refusal, empty, invalid_json, broken_tool_call]},"
)
REFUSED = json.dumps(
    {
        "choices": [{"message": {"role": "assistant", "content": "I cannot."}, "finish_reason": "content_filter"}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 3},
    }
).encode()


async def test_a_refusal_is_answered_by_a_stronger_tier_and_both_answers_are_charged() -> None:
    books = Books()
    gateway = Gateway(PICKY + CLOSED, ledger=books)
    gateway.network.plan.queue(always(json_reply(200, REFUSED)))
    client = await gateway.ask(CHAT, key=TEAM_KEY)
    assert "Paris" in client.responder.body.decode()
    assert client.responder.headers[b"x-tiergate-tier"] == b"large"
    first, second = gateway.receipt.attempts
    assert (first.failure, second.failure) == (FailureKind.REFUSAL, None)
    assert first.charge_usd_nano == 10 * 1_000 + 3 * 2_000
    assert gateway.receipt.charge_usd_nano == first.charge_usd_nano + second.charge_usd_nano
    (settled,) = books.settlements
    assert settled.charge_usd_nano == gateway.receipt.charge_usd_nano
    assert settled.tokens == gateway.receipt.usage.total_tokens + 13
    assert client.responder.headers[b"x-tiergate-cost-usd"] == format_usd(settled.charge_usd_nano).encode()


@pytest.mark.parametrize("behaviour", [fails(500), fails(400), stalls_before(), always(Unreachable())])
async def test_a_first_answer_is_given_when_the_stronger_tier_has_none(behaviour: Behaviour) -> None:
    gateway = Gateway(PICKY)
    gateway.network.plan.general = behaviour
    gateway.network.plan.queue(always(json_reply(200, REFUSED)))
    client = await gateway.ask(CHAT)
    assert client.responder.status == 200
    assert client.responder.body == REFUSED
    assert client.responder.headers[b"x-tiergate-tier"] == b"small"
    assert gateway.receipt.outcome is Outcome.SUCCESS_UPSTREAM
    assert gateway.receipt.charge_usd_nano == 16_000


@pytest.mark.parametrize(
    ("policy", "body"), [(TWO_TIERS, CHAT), (PICKY, {**CHAT, "model": "small"}), (PICKY, {**CHAT, "model": "large"})]
)
async def test_a_refusal_is_given_where_nothing_says_otherwise(policy: str, body: dict[str, object]) -> None:
    gateway = Gateway(policy)
    gateway.network.plan.general = always(json_reply(200, REFUSED))
    client = await gateway.ask(body)
    assert client.responder.body == REFUSED
    assert len(gateway.network.requests) == 1


async def test_a_client_that_leaves_while_a_better_answer_is_sought_is_charged_for_the_first() -> None:
    gateway = Gateway(PICKY.replace("answer: 100ms", "answer: 1m"))
    gateway.network.plan.general = stalls_before()
    gateway.network.plan.queue(always(json_reply(200, REFUSED)))
    client = gateway.client(CHAT)
    serving = asyncio.create_task(gateway.serve(client))
    await eventually(lambda: len(gateway.network.requests) == 2)
    client.leave()
    await serving
    assert gateway.receipt.outcome is Outcome.CLIENT_GONE_BEFORE
    assert gateway.receipt.charge_usd_nano == 16_000


async def test_a_tier_that_is_expected_to_come_too_late_is_not_tried_any_more() -> None:
    gateway = Gateway(TWO_TIERS.replace("dial: 1000000,", "dial: 1000000, stream_deadline: 3s,"))
    for _ in range(8):
        large = gateway.policy.snapshot.tiers[TierName("large")]
        gateway.world.slos.first_content(large, 10, 10.0, gateway.clock.now_s())
    gateway.network.plan.general = fails(429)
    client = await gateway.ask(STREAM)
    assert client.responder.status == 503
    assert {attempt.tier for attempt in gateway.receipt.attempts} == {"small"}
    assert gateway.receipt.no_retry in (NoRetry.EXHAUSTED, NoRetry.MAX_ATTEMPTS, NoRetry.DEADLINE)


def spoken(request: SeenRequest) -> Reply:
    """Return what a sound server would answer."""
    script = speaks()(request)
    assert isinstance(script, Reply)
    return script
