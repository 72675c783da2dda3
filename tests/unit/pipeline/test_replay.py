"""Answers from the cache: the same bytes, no server, no cost."""

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
