"""Answers from the cache: the same bytes, no server, no cost."""

import json
from dataclasses import replace

from gateway.domain.identity import ExactKey
from gateway.domain.ids import TenantId
from gateway.domain.money import format_usd
from gateway.domain.outcome import Outcome
from gateway.domain.request import Operation
from tests.support.gateways import CHAT, GUEST_KEY, KEYED, STREAM, TEAM_KEY, Books, Gateway, events_of, text_of


async def test_a_repeated_request_is_answered_from_the_cache_whole_or_streamed() -> None:
    gateway = Gateway()
    first = await gateway.ask(CHAT)
    again = await gateway.ask(CHAT)
    streamed = await gateway.ask(STREAM)
    assert len(gateway.network.requests) == 1
    assert again.responder.body == first.responder.body
    assert again.responder.headers[b"x-tiergate-cache"] == b"exact"
    assert again.responder.headers[b"x-tiergate-cost-usd"] == b"0.00"
    assert text_of(streamed) == "Paris is the capital."
    assert events_of(streamed)[-1] == b"[DONE]"
    assert gateway.receipt.outcome is Outcome.SUCCESS_CACHE_EXACT
    assert gateway.receipt.charge_usd_nano == 0
    assert gateway.receipt.baseline_usd_nano > 0


async def test_a_cache_hit_counts_as_a_request_and_costs_nothing() -> None:
    books = Books()
    gateway = Gateway(KEYED, ledger=books)
    await gateway.ask(CHAT, key=TEAM_KEY)
    await gateway.ask(CHAT, key=TEAM_KEY)
    assert gateway.receipt.outcome is Outcome.SUCCESS_CACHE_EXACT
    assert books.holds[1].amount_usd_nano == 0
    assert [one.charge_usd_nano > 0 for one in books.settlements] == [True, False]


PRICED = KEYED.replace("cache: {exact: 1h,", "cache: {hit_price: 25%, exact: 1h,")


async def test_case_50_a_hit_told_as_a_stream_is_sound_and_charged_once_as_its_route_says() -> None:
    books = Books()
    gateway = Gateway(PRICED, ledger=books)
    await gateway.ask(CHAT, key=TEAM_KEY)
    full = gateway.receipt.charge_usd_nano
    streamed = await gateway.ask({**STREAM, "stream_options": {"include_usage": True}}, key=TEAM_KEY)
    events = events_of(streamed)
    assert events[-1] == b"[DONE]"
    assert text_of(streamed) == "Paris is the capital."
    assert json.loads(events[-2])["usage"]["prompt_tokens"] == gateway.receipt.usage.input_tokens
    assert gateway.receipt.outcome is Outcome.SUCCESS_CACHE_EXACT
    assert gateway.receipt.charge_usd_nano == round(full / 4)
    assert streamed.responder.headers[b"x-tiergate-cost-usd"] == format_usd(round(full / 4)).encode()
    assert [one.charge_usd_nano for one in books.settlements] == [full, round(full / 4)]
    assert books.holds[1].amount_usd_nano == round(full / 4)
    assert books.settlements[1].tokens == 0


async def test_case_50_without_being_asked_for_no_usage_is_told_and_no_price_is_charged() -> None:
    gateway = Gateway()
    await gateway.ask(CHAT)
    events = events_of(await gateway.ask(STREAM))
    assert all("usage" not in json.loads(event) for event in events[:-1])
    assert gateway.receipt.charge_usd_nano == 0


async def test_a_hit_says_how_old_it_is_and_under_which_name_it_lies() -> None:
    gateway = Gateway()
    first = await gateway.ask(CHAT)
    assert b"x-tiergate-cache-entry" not in first.responder.headers
    kept_as = gateway.receipt.cache_entry
    gateway.clock.advance(61.5)
    again = await gateway.ask(CHAT)
    assert again.responder.headers[b"x-tiergate-cache-age"] == b"61"
    assert again.responder.headers[b"x-tiergate-cache-entry"].decode() == kept_as
    assert (gateway.receipt.cache_entry, gateway.receipt.cache_age_s) == (kept_as, 61)


async def test_an_answer_that_is_not_kept_has_no_name() -> None:
    gateway = Gateway()
    await gateway.ask(CHAT, headers=((b"cache-control", b"no-store"),))
    assert gateway.receipt.cache_entry is None
    await gateway.ask(CHAT, headers=((b"x-tiergate-cache", b"off"),))
    assert (gateway.receipt.cache_entry, gateway.receipt.cache_age_s) == (None, None)


async def test_an_answer_of_a_tier_that_the_policy_does_not_know_is_given_for_nothing() -> None:
    gateway = Gateway(PRICED)
    await gateway.ask(CHAT, key=TEAM_KEY)
    entry = gateway.receipt.cache_entry
    assert entry is not None
    key = ExactKey(TenantId("team"), entry)
    known = await gateway.world.cache.get(key)
    assert known is not None
    gateway.world.cache.put(key, replace(known, tier="gone"), 60.0)
    await gateway.ask(CHAT, key=TEAM_KEY)
    assert (gateway.receipt.outcome, gateway.receipt.charge_usd_nano) == (Outcome.SUCCESS_CACHE_EXACT, 0)


async def test_a_hit_counts_towards_the_requests_a_minute() -> None:
    gateway = Gateway(KEYED)
    answers = [await gateway.ask(CHAT, key=GUEST_KEY) for _ in range(3)]
    assert [client.responder.status for client in answers] == [200, 200, 429]
    assert len(gateway.network.requests) == 1


async def test_an_embedding_is_replayed_like_any_answer() -> None:
    gateway = Gateway()
    body = {"model": "small", "input": "some text"}
    first = await gateway.ask(body, operation=Operation.EMBEDDINGS)
    again = await gateway.ask(body, operation=Operation.EMBEDDINGS)
    assert again.responder.body == first.responder.body
    assert again.responder.headers[b"x-tiergate-tier"] == b"small"
    assert len(gateway.network.requests) == 1


async def test_what_a_hit_saved_is_measured_at_the_tier_that_the_caller_insisted_on() -> None:
    gateway = Gateway()
    await gateway.ask({**CHAT, "model": "small", "temperature": 0})
    charge = gateway.receipt.charge_usd_nano
    await gateway.ask({**CHAT, "model": "small", "temperature": 0})
    assert gateway.receipt.charge_usd_nano == 0
    assert gateway.receipt.baseline_usd_nano == charge
