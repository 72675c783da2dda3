"""Requests that are the same and under way at once: one call, and every client with the whole answer."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from gateway.domain.ability import Score, ScorerChoice
from gateway.domain.errors import ErrorCode
from gateway.domain.ids import TenantId
from gateway.domain.outcome import Outcome
from gateway.domain.purge import Selection
from gateway.domain.receipt import Receipt
from gateway.domain.request import CanonicalRequest
from gateway.domain.usage import UsageSource
from gateway.pipeline.drive import Pipeline
from tests.support.behaviours import speaks, sse_reply
from tests.support.crowds import Crowd, LedStream, idle
from tests.support.fake_inbound import FakeClient
from tests.support.gateways import (
    CHAT,
    CLOSED,
    GUEST_KEY,
    MIDDLING,
    STREAM,
    TEAM_KEY,
    TWO_TIERS,
    Gateway,
    answer_of,
    events_of,
    held_until,
    text_of,
)
from tests.support.openai_bodies import ToolCall, Words
from tests.support.scripts import End, Reply, SeenRequest
from tests.support.waiting import eventually

PATIENT = TWO_TIERS.replace("ttft: 100ms, stall: 100ms, answer: 100ms", "ttft: 1m")
USAGE = {**STREAM, "stream_options": {"include_usage": True}}
TEXT = "Paris is the capital."
FIRST_CONTENT = 2
"""Events of a stream up to its first content: the role, and a word."""


@dataclass(slots=True)
class HeldScorer:
    """Finds every request the same, once it may."""

    gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def score(self, request: CanonicalRequest, choice: ScorerChoice, asks: Callable[[Score], bool]) -> Score:
        """Wait, and score."""
        await self.gate.wait()
        return MIDDLING


def led(stream: LedStream, policy: str = PATIENT, **how: Any) -> Crowd:
    """Nobody yet, before a gateway whose model servers answer as they are led."""
    gateway = Gateway(policy, **how)
    gateway.network.plan.general = stream.behave
    return Crowd(gateway)


def cache_of(client: FakeClient) -> bytes:
    return client.responder.headers[b"x-tiergate-cache"]


def receipt_of(crowd: Crowd, client: FakeClient) -> Receipt:
    request_id = client.responder.headers[b"x-tiergate-request-id"].decode()
    return next(one for one in crowd.gateway.kept.receipts if one.request_id == request_id)


def outcomes(crowd: Crowd) -> list[Outcome]:
    return [one.outcome for one in crowd.gateway.kept.receipts]


async def test_a_crowd_of_whole_requests_is_answered_by_one_call() -> None:
    released = asyncio.Event()
    crowd = Crowd(Gateway(PATIENT))
    crowd.gateway.network.plan.general = held_until(released)
    clients = [await crowd.come(CHAT) for _ in range(5)]
    released.set()
    await crowd.over()
    assert len(crowd.gateway.network.requests) == 1
    assert {client.responder.body for client in clients} == {clients[0].responder.body}
    assert [cache_of(client) for client in clients] == [b"miss", *[b"coalesced"] * 4]
    leader, follower = receipt_of(crowd, clients[0]), receipt_of(crowd, clients[1])
    assert follower.outcome is Outcome.SUCCESS_CACHE_COALESCED
    assert (follower.charge_usd_nano, follower.tier, follower.served_model) == (0, leader.tier, leader.served_model)
    assert follower.usage.total_tokens == leader.usage.total_tokens
    assert follower.baseline_usd_nano > 0
    assert follower.decision is None
    assert not follower.attempts


async def test_a_stream_is_followed_live_from_its_beginning_by_whoever_comes_when() -> None:
    stream = LedStream()
    crowd = led(stream)
    leader = await crowd.come(STREAM)
    early = await crowd.come(STREAM)
    await stream.go_on(events=FIRST_CONTENT)
    assert early.responder.body == leader.responder.body != b""
    await stream.go_on(events=2)
    late = await crowd.come(STREAM)
    assert late.responder.body == early.responder.body == leader.responder.body
    await stream.finish()
    await crowd.over()
    assert len(crowd.gateway.network.requests) == 1
    for client in (leader, early, late):
        assert text_of(client) == TEXT
        assert events_of(client).count(b"[DONE]") == 1
        assert client.responder.finished
    assert early.responder.body == leader.responder.body == late.responder.body
    assert cache_of(early) == b"coalesced"
    assert early.responder.headers[b"x-tiergate-cost-usd"] == b"0.00"
    told = receipt_of(crowd, early)
    assert (told.outcome, told.charge_usd_nano) == (Outcome.SUCCESS_CACHE_COALESCED, 0)
    assert told.tier == receipt_of(crowd, leader).tier
    assert told.usage.total_tokens == receipt_of(crowd, leader).usage.total_tokens
    assert told.baseline_usd_nano > 0


@pytest.mark.parametrize(("first", "second"), [(STREAM, USAGE), (USAGE, STREAM)], ids=["follower", "leader"])
async def test_usage_is_shown_to_whoever_of_them_asked_for_it(first: dict[str, Any], second: dict[str, Any]) -> None:
    stream = LedStream()
    crowd = led(stream)
    clients = [await crowd.come(first), await crowd.come(second)]
    await stream.finish()
    await crowd.over()
    assert [any(b'"completion_tokens"' in event for event in events_of(client)) for client in clients] == [
        first is USAGE,
        second is USAGE,
    ]
    assert {events_of(client)[-1] for client in clients} == {b"[DONE]"}


async def test_a_follower_that_asked_for_usage_is_not_kept_waiting_by_a_server_that_tells_none() -> None:
    stream = LedStream(usage=False, done=False)
    crowd = led(stream)
    await crowd.come(STREAM)
    follower = await crowd.come(USAGE)
    await stream.go_on(events=3)
    await stream.finish()
    await crowd.over()
    assert events_of(follower)[-1] == b"[DONE]"
    assert receipt_of(crowd, follower).usage.source is UsageSource.COUNTED


async def test_who_asked_for_it_whole_is_given_a_stream_put_together() -> None:
    stream = LedStream()
    crowd = led(stream)
    await crowd.come(STREAM)
    whole = await crowd.come(CHAT)
    await stream.go_on(events=4)
    assert whole.responder.status is None
    await stream.finish()
    await crowd.over()
    assert answer_of(whole)["choices"][0]["message"]["content"] == TEXT
    assert cache_of(whole) == b"coalesced"
    assert len(crowd.gateway.network.requests) == 1


async def test_who_asked_for_a_stream_is_told_a_whole_answer_as_one() -> None:
    released = asyncio.Event()
    crowd = Crowd(Gateway(PATIENT))
    crowd.gateway.network.plan.general = held_until(released)
    await crowd.come(CHAT)
    streamed = await crowd.come(USAGE)
    released.set()
    await crowd.over()
    assert text_of(streamed) == TEXT
    assert events_of(streamed)[-1] == b"[DONE]"
    assert cache_of(streamed) == b"coalesced"
    assert len(crowd.gateway.network.requests) == 1


async def test_until_a_stream_is_put_together_whoever_asks_for_it_whole_waits_for_that() -> None:
    gateway, later = Gateway(PATIENT), list[Any]()
    gateway.pipeline = Pipeline(replace(gateway.world, later=later.append))
    crowd = Crowd(gateway)
    await crowd.come(STREAM)
    whole = await crowd.come(CHAT)
    assert whole.responder.status is None
    later.pop()()
    await crowd.over()
    assert answer_of(whole)["choices"][0]["message"]["content"] == TEXT
    assert len(gateway.network.requests) == 1


async def test_case_38_tenants_do_not_share() -> None:
    released = asyncio.Event()
    crowd = Crowd(Gateway(PATIENT + CLOSED))
    crowd.gateway.network.plan.general = held_until(released)
    clients = [await crowd.come(CHAT, key=key) for key in (TEAM_KEY, GUEST_KEY, TEAM_KEY)]
    released.set()
    await crowd.over()
    assert [cache_of(client) for client in clients] == [b"miss", b"miss", b"coalesced"]
    assert len(crowd.gateway.network.requests) == 2


@pytest.mark.parametrize(
    ("policy", "headers"),
    [
        (PATIENT, ((b"cache-control", b"no-store"),)),
        (PATIENT, ((b"cache-control", b"no-cache"),)),
        (PATIENT.replace("max_temperature: 1", "max_temperature: 1, coalesce: false"), ()),
        (PATIENT.replace("exact: 1h", "exact: off"), ()),
    ],
    ids=["no-store", "no-cache", "by policy", "no cache"],
)
async def test_what_may_not_be_kept_or_is_not_to_be_shared_is_asked_for_each_time(
    policy: str, headers: tuple[tuple[bytes, bytes], ...]
) -> None:
    released = asyncio.Event()
    crowd = Crowd(Gateway(policy))
    crowd.gateway.network.plan.general = held_until(released)
    for _ in range(2):
        await crowd.come(CHAT, headers=headers)
    released.set()
    await crowd.over()
    assert len(crowd.gateway.network.requests) == 2


async def test_an_answer_under_way_is_new_enough_for_who_wants_none_that_is_old() -> None:
    released = asyncio.Event()
    crowd = Crowd(Gateway(PATIENT))
    crowd.gateway.network.plan.general = held_until(released)
    await crowd.come(CHAT)
    follower = await crowd.come(CHAT, headers=((b"cache-control", b"max-age=0"),))
    released.set()
    await crowd.over()
    assert cache_of(follower) == b"coalesced"


async def test_case_45_a_leaders_client_that_leaves_before_content_takes_nothing_from_its_followers() -> None:
    stream = LedStream()
    crowd = led(stream)
    leader = await crowd.come(STREAM)
    followers = [await crowd.come(STREAM), await crowd.come(CHAT)]
    leader.leave()
    await idle()
    await stream.finish()
    await crowd.over()
    assert text_of(followers[0]) == TEXT
    assert answer_of(followers[1])["choices"][0]["message"]["content"] == TEXT
    assert len(crowd.gateway.network.requests) == 1
    assert crowd.gateway.network.requests[0].gone_at_s is None
    told = crowd.gateway.kept.receipts[
        [one.outcome for one in crowd.gateway.kept.receipts].index(Outcome.CLIENT_GONE_BEFORE)
    ]
    assert told.charge_usd_nano > 0
    assert told.status is None


async def test_case_45_a_leaders_client_that_leaves_mid_stream_takes_nothing_from_its_followers() -> None:
    stream = LedStream()
    crowd = led(stream)
    leader = await crowd.come(USAGE)
    follower = await crowd.come(USAGE)
    await stream.go_on(events=3)
    leader.leave()
    await idle()
    await stream.go_on()
    late = await crowd.come(STREAM)
    await stream.finish()
    await crowd.over()
    assert text_of(follower) == text_of(late) == TEXT
    assert not leader.responder.finished
    assert sorted(outcomes(crowd)) == sorted(
        [Outcome.CLIENT_GONE_DURING, Outcome.SUCCESS_CACHE_COALESCED, Outcome.SUCCESS_CACHE_COALESCED]
    )
    assert len(crowd.gateway.network.requests) == 1
    assert cache_of(await crowd.gateway.ask(CHAT)) == b"exact", "the answer is kept all the same"


async def test_a_whole_answer_reaches_followers_though_its_own_client_has_left() -> None:
    released = asyncio.Event()
    crowd = Crowd(Gateway(PATIENT))
    crowd.gateway.network.plan.general = held_until(released)
    leader = await crowd.come(CHAT)
    follower = await crowd.come(CHAT)
    leader.leave()
    await idle()
    released.set()
    await crowd.over()
    assert answer_of(follower)["choices"][0]["message"]["content"] == TEXT
    assert sorted(outcomes(crowd)) == sorted([Outcome.CLIENT_GONE_BEFORE, Outcome.SUCCESS_CACHE_COALESCED])


async def test_case_45_with_the_last_who_waits_the_call_ends() -> None:
    stream = LedStream()
    crowd = led(stream)
    leader = await crowd.come(STREAM)
    followers = [await crowd.come(STREAM), await crowd.come(CHAT)]
    await stream.go_on(events=3)
    for client in (leader, *followers):
        assert crowd.gateway.network.requests[0].gone_at_s is None
        client.leave()
        await idle()
    assert crowd.gateway.network.requests[0].gone_at_s is not None
    await crowd.over()
    assert sorted(outcomes(crowd)) == sorted(
        [Outcome.CLIENT_GONE_DURING, Outcome.CLIENT_GONE_DURING, Outcome.CLIENT_GONE_BEFORE]
    )


async def test_a_follower_whose_client_leaves_just_leaves() -> None:
    stream = LedStream()
    crowd = led(stream)
    leader = await crowd.come(STREAM)
    waiting, reading = await crowd.come(CHAT), await crowd.come(STREAM)
    await stream.go_on(events=3)
    waiting.leave()
    reading.leave()
    await crowd.over(waiting, reading)
    await stream.finish()
    await crowd.over()
    assert text_of(leader) == TEXT
    assert outcomes(crowd) == [
        Outcome.CLIENT_GONE_BEFORE,
        Outcome.CLIENT_GONE_DURING,
        Outcome.SUCCESS_UPSTREAM,
    ]


async def test_case_45_when_a_flight_fails_the_next_leads_and_after_the_second_all_go_alone() -> None:
    released = [asyncio.Event() for _ in range(3)]
    crowd = Crowd(Gateway(PATIENT.replace("dial: 1000000,", "dial: 1000000, fallback: {max_attempts: 1},")))
    gates = iter(released)

    def refuses_late(request: SeenRequest) -> Reply:
        held = held_until(next(gates, released[-1]))(request)
        assert isinstance(held, Reply)
        return replace(held, status=500)

    crowd.gateway.network.plan.general = refuses_late
    clients = [await crowd.come(CHAT) for _ in range(5)]
    asked = []
    for gate in released:
        asked.append(len(crowd.gateway.network.requests))
        gate.set()
        await idle()
    await crowd.over()
    assert asked == [1, 2, 5]
    assert [client.responder.status for client in clients] == [502] * 5


async def test_who_has_begun_to_read_a_stream_that_breaks_off_is_told_so_and_the_others_are_answered() -> None:
    stream = LedStream(then=End.RESET)
    crowd = led(stream)
    leader, reading, waiting = await crowd.come(STREAM), await crowd.come(STREAM), await crowd.come(CHAT)
    await stream.go_on(events=FIRST_CONTENT)
    crowd.gateway.network.plan.general = speaks()
    await stream.go_on()
    await crowd.over()
    *seen, last = events_of(reading)
    assert seen == events_of(leader)[:-1] != []
    assert json.loads(last)["error"]["code"] == ErrorCode.STREAM_INTERRUPTED.value
    assert receipt_of(crowd, reading).outcome is Outcome.STREAM_TRUNCATED
    assert answer_of(waiting)["choices"][0]["message"]["content"] == TEXT
    assert cache_of(waiting) == b"miss"
    assert len(crowd.gateway.network.requests) == 2


async def test_an_error_amid_a_stream_is_told_to_all_who_read_it() -> None:
    stream = LedStream(then=b'data: {"error": {"message": "out of memory"}}\n\n')
    crowd = led(stream)
    await crowd.come(STREAM)
    reading = await crowd.come(STREAM)
    await stream.go_on(events=FIRST_CONTENT)
    await stream.finish()
    await crowd.over()
    assert "out of memory" in json.loads(events_of(reading)[-1])["error"]["message"]


async def test_what_becomes_no_stream_of_events_is_told_to_all_who_read_it() -> None:
    stream = LedStream(then=b"data: {not json\n\n")
    crowd = led(stream)
    await crowd.come(STREAM)
    reading = await crowd.come(STREAM)
    await stream.go_on(events=FIRST_CONTENT)
    await stream.finish()
    await crowd.over()
    assert json.loads(events_of(reading)[-1])["error"]["code"] == ErrorCode.STREAM_INTERRUPTED.value


@pytest.mark.parametrize("body", [STREAM, CHAT], ids=["stream", "whole"])
async def test_calls_of_tools_are_nobody_elses(body: dict[str, Any]) -> None:
    stream = LedStream(Words(tool=ToolCall("look", '{"a": 1}')))
    crowd = led(stream)
    await crowd.come(STREAM)
    follower = await crowd.come(body)
    crowd.gateway.network.plan.general = speaks()
    await stream.go_on(events=FIRST_CONTENT)
    assert follower.responder.finished is (body is STREAM), "a stream is known to call a tool from its beginning"
    await stream.finish()
    await crowd.over()
    assert cache_of(follower) == b"miss"
    assert len(crowd.gateway.network.requests) == 2


async def test_calls_of_tools_are_shared_where_the_policy_lets_them_be_kept() -> None:
    stream = LedStream(Words(tool=ToolCall("look", '{"a": 1}')))
    crowd = led(stream, PATIENT.replace("max_temperature: 1", "max_temperature: 1, tool_calls: true"))
    leader, follower = await crowd.come(STREAM), await crowd.come(STREAM)
    await stream.go_on(events=FIRST_CONTENT)
    await stream.finish()
    await crowd.over()
    assert follower.responder.body == leader.responder.body
    assert cache_of(follower) == b"coalesced"


async def test_a_client_that_leaves_while_it_goes_alone_costs_no_call() -> None:
    stream, scorer = LedStream(Words(tool=ToolCall("look", '{"a": 1}'))), HeldScorer()
    crowd = led(stream, scorer=scorer)
    scorer.gate.set()
    await crowd.come(STREAM)
    follower = await crowd.come(STREAM)
    scorer.gate.clear()
    await stream.go_on(events=FIRST_CONTENT)
    follower.leave()
    scorer.gate.set()
    await stream.finish()
    await crowd.over()
    assert len(crowd.gateway.network.requests) == 1
    assert Outcome.CLIENT_GONE_BEFORE in outcomes(crowd)


async def test_a_followed_stream_is_charged_as_the_route_charges_for_kept_answers() -> None:
    stream = LedStream()
    crowd = led(stream, PATIENT.replace("max_temperature: 1", "max_temperature: 1, hit_price: 50%") + CLOSED)
    leader, follower = await crowd.come(STREAM, key=TEAM_KEY), await crowd.come(STREAM, key=TEAM_KEY)
    await stream.go_on(events=FIRST_CONTENT)
    await stream.finish()
    await crowd.over()
    charged = receipt_of(crowd, follower).charge_usd_nano
    assert 2 * charged == receipt_of(crowd, leader).charge_usd_nano > 0
    assert b"x-tiergate-cost-usd" not in follower.responder.headers


async def test_an_answer_cut_short_by_its_length_goes_only_to_who_had_begun_to_read_it() -> None:
    stream = LedStream(Words(finish_reason="length"))
    crowd = led(stream)
    leader, reading, waiting = await crowd.come(STREAM), await crowd.come(STREAM), await crowd.come(CHAT)
    crowd.gateway.network.plan.general = speaks()
    await stream.go_on(events=3)
    await stream.finish()
    await crowd.over()
    assert reading.responder.body == leader.responder.body
    assert cache_of(waiting) == b"miss"
    assert len(crowd.gateway.network.requests) == 2


@pytest.mark.parametrize("body", [STREAM, CHAT], ids=["stream", "whole"])
async def test_case_45_a_follower_waits_no_longer_than_its_own_deadline(body: dict[str, Any]) -> None:
    crowd = led(LedStream())
    leader = await crowd.come(STREAM)
    follower = await crowd.come(body, headers=((b"x-tiergate-deadline-ms", b"20"),))
    await crowd.over(follower)
    assert follower.responder.status == 504
    assert answer_of(follower)["error"]["code"] == ErrorCode.DEADLINE_EXCEEDED.value
    assert crowd.gateway.receipt.outcome is Outcome.DEADLINE
    leader.leave()
    await crowd.over()


async def test_a_follower_whose_time_is_up_mid_stream_is_told_in_band() -> None:
    stream = LedStream()
    crowd = led(stream)
    await crowd.come(STREAM)
    follower = await crowd.come(STREAM, headers=((b"x-tiergate-deadline-ms", b"50"),))
    await stream.go_on(events=3)
    await crowd.over(follower)
    assert json.loads(events_of(follower)[-1])["error"]["code"] == ErrorCode.DEADLINE_EXCEEDED.value
    assert crowd.gateway.receipt.outcome is Outcome.DEADLINE
    await stream.finish()
    await crowd.over()


async def test_a_request_with_much_more_time_does_not_follow_one_that_is_soon_given_up() -> None:
    crowd = led(LedStream())
    leader = await crowd.come(STREAM, headers=((b"x-tiergate-deadline-ms", b"1000"),))
    other = await crowd.come(STREAM)
    assert len(crowd.gateway.network.requests) == 2
    third = await crowd.come(STREAM)
    assert len(crowd.gateway.network.requests) == 2, "it follows the one that has time"
    for client in (leader, third, other):
        client.leave()
    await crowd.over()


@pytest.mark.parametrize("is_streamed", [True, False], ids=["stream", "whole"])
async def test_who_waits_for_a_stream_is_given_signs_of_life(is_streamed: bool) -> None:
    stream, released = LedStream(), asyncio.Event()
    crowd = led(stream, PATIENT.replace("dial: 1000000,", "dial: 1000000, heartbeat: 100ms,"))
    if not is_streamed:
        crowd.gateway.network.plan.general = held_until(released)
    await crowd.come(STREAM if is_streamed else CHAT)
    follower = await crowd.come(STREAM)
    await eventually(lambda: follower.responder.chunks.count(b": ping\n\n") > 1)
    if is_streamed:
        await stream.go_on(events=FIRST_CONTENT)
        await stream.finish()
    released.set()
    await crowd.over()
    whole = follower.responder.body.replace(b": ping\n\n", b"")
    assert whole.count(b"[DONE]") == 1
    assert b"Paris" in whole
    assert cache_of(follower) == b"coalesced"
    assert crowd.gateway.kept.receipts[-1].outcome in (Outcome.SUCCESS_CACHE_COALESCED, Outcome.SUCCESS_UPSTREAM)


async def test_a_client_that_leaves_before_anything_but_signs_of_life_has_seen_nothing() -> None:
    crowd = led(LedStream(), PATIENT.replace("dial: 1000000,", "dial: 1000000, heartbeat: 100ms,"))
    leader, follower = await crowd.come(STREAM), await crowd.come(STREAM)
    await eventually(lambda: follower.responder.chunks)
    follower.leave()
    await crowd.over(follower)
    assert crowd.gateway.receipt.outcome is Outcome.CLIENT_GONE_BEFORE
    leader.leave()
    await crowd.over()


async def test_a_leaders_client_that_stops_reading_holds_none_of_its_followers_up() -> None:
    stream = LedStream()
    crowd = led(stream)
    leader, follower = await crowd.come(STREAM), await crowd.come(STREAM)
    await stream.go_on(events=3)
    leader.responder.stop_reading()
    await stream.finish()
    await crowd.over(follower)
    assert text_of(follower) == TEXT
    assert not leader.responder.finished
    leader.responder.read_on()
    await crowd.over()
    assert leader.responder.body == follower.responder.body


async def test_nobody_joins_a_flight_that_its_client_holds_up() -> None:
    stream = LedStream()
    crowd = led(stream)
    leader = await crowd.come(STREAM)
    await stream.go_on(events=3)
    leader.responder.stop_reading()
    await stream.go_on()
    other = await crowd.come(STREAM)
    assert len(crowd.gateway.network.requests) == 2
    await stream.finish(call=1)
    await crowd.over(other)
    assert text_of(other) == TEXT
    leader.responder.read_on()
    await stream.finish()
    await crowd.over()
    assert text_of(leader) == TEXT


async def test_a_stream_too_long_to_be_kept_is_read_to_its_end_by_whoever_has_begun() -> None:
    piece = "x" * (400 * 1024)
    stream = LedStream(Words(pieces=(piece,) * 12))
    crowd = led(stream)
    leader, reading, waiting = await crowd.come(STREAM), await crowd.come(STREAM), await crowd.come(CHAT)
    await stream.go_on(events=3)
    reading.responder.stop_reading()
    crowd.gateway.network.plan.general = speaks()
    await stream.go_on(events=5)
    await crowd.over(waiting)
    assert answer_of(waiting)["choices"][0]["message"]["content"] == TEXT, "it goes alone as soon as that is known"
    await stream.go_on(events=20)
    assert not reading.responder.finished
    reading.responder.read_on()
    await crowd.over()
    assert text_of(reading) == text_of(leader) == piece * 12
    assert receipt_of(crowd, reading).outcome is Outcome.SUCCESS_CACHE_COALESCED


async def test_a_follower_counts_as_a_request_of_its_tenant() -> None:
    stream = LedStream()
    crowd = led(stream, PATIENT + CLOSED)
    clients = [await crowd.come(STREAM, key=GUEST_KEY) for _ in range(3)]
    await stream.finish()
    await crowd.over()
    assert [client.responder.status for client in clients] == [200, 200, 429]
    assert len(crowd.gateway.network.requests) == 1


async def test_a_leader_that_is_refused_before_any_server_is_asked_lets_the_next_lead() -> None:
    stream, scorer = LedStream(), HeldScorer()
    crowd = led(stream, scorer=scorer)
    leader = await crowd.come(STREAM, headers=((b"x-tiergate-max-cost-usd", b"0.0000001"),))
    follower = await crowd.come(STREAM)
    scorer.gate.set()
    await idle()
    await stream.finish()
    await crowd.over()
    assert leader.responder.status == 402
    assert text_of(follower) == TEXT
    assert cache_of(follower) == b"miss"


@pytest.mark.parametrize("body", [CHAT, STREAM])
async def test_who_comes_after_a_purge_is_not_given_an_answer_that_began_before_it(body: dict[str, Any]) -> None:
    stream = LedStream()
    crowd = led(stream)
    await crowd.come(STREAM)
    before = await crowd.come(body)
    await stream.go_on(events=FIRST_CONTENT + 1)
    tenant = TenantId("open")
    await crowd.gateway.world.cache.purge(Selection(tenant))
    after = await crowd.come(STREAM)
    follower = await crowd.come(body)
    await stream.finish(0)
    await stream.finish(1)
    await crowd.over()
    assert [cache_of(client) for client in (before, after, follower)] == [b"coalesced", b"miss", b"coalesced"]
    assert len(crowd.gateway.network.requests) == 2
    assert cache_of(await crowd.gateway.ask(CHAT)) == b"exact"


async def test_an_answer_that_cannot_be_told_again_as_one_body_is_not_given_whole() -> None:
    event = b'data: {"choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":"stop"}],"usage":7}\n\n'
    other = b'data: {"choices":[{"index":"0","delta":{}}]}\n\n'
    gateway = Gateway(PATIENT)
    gateway.network.plan.queue(lambda _: sse_reply(event, other, b"data: [DONE]\n\n"))
    crowd = Crowd(gateway)
    client = await crowd.come(STREAM)
    await crowd.over()
    assert client.responder.finished
    assert gateway.world.cache.stats()["entries"] == 0
    assert gateway.world.flights.following == 0


async def test_case_45_what_a_crowd_leaves_behind_it_is_an_answer_in_the_cache() -> None:
    released = asyncio.Event()
    policy = PATIENT + "limits: {in_flight_per_key: 1000}\n"
    crowd = Crowd(Gateway(policy))
    crowd.gateway.network.plan.general = held_until(released)
    clients = [await crowd.come(CHAT) for _ in range(3)]
    crowd_tasks = [asyncio.create_task(crowd.come(CHAT)) for _ in range(497)]
    clients += [await task for task in crowd_tasks]
    released.set()
    await crowd.over()
    assert len(crowd.gateway.network.requests) == 1
    assert sum(one.outcome is Outcome.SUCCESS_CACHE_COALESCED for one in crowd.gateway.kept.receipts) == 499
    assert sum(one.charge_usd_nano for one in crowd.gateway.kept.receipts) == sum(
        one.charge_usd_nano for one in crowd.gateway.kept.receipts if one.outcome is Outcome.SUCCESS_UPSTREAM
    )
    assert cache_of(await crowd.gateway.ask(CHAT)) == b"exact"
