"""What is claimed of a tenant's allowance, and what is said where it does not suffice."""

from gateway.domain.errors import ErrorCode
from tests.support.gateways import CHAT, GUEST_KEY, KEYED, TEAM_KEY, TWO_TIERS, Books, Gateway, error_of


async def test_requests_a_minute_are_limited_and_the_wait_is_told() -> None:
    gateway = Gateway(KEYED)
    for seed in range(2):
        assert (await gateway.ask({**CHAT, "seed": seed}, key=GUEST_KEY)).responder.status == 200
    client = await gateway.ask({**CHAT, "seed": 2}, key=GUEST_KEY)
    assert error_of(client)["code"] == ErrorCode.RATE_LIMIT_EXCEEDED
    assert 0 < int(client.responder.headers[b"retry-after"]) <= 60
    gateway.clock.advance(60)
    assert (await gateway.ask({**CHAT, "seed": 3}, key=GUEST_KEY)).responder.status == 200


async def test_a_budget_that_cannot_be_checked_is_refused_and_the_hold_given_back() -> None:
    books = Books(answers=False)
    gateway = Gateway(KEYED, ledger=books)
    client = await gateway.ask(CHAT, key=TEAM_KEY)
    assert client.responder.status == 503
    assert error_of(client)["code"] == ErrorCode.LEDGER_UNAVAILABLE
    assert [one.charge_usd_nano for one in books.settlements] == [0], "its answer may have been lost on the way"


async def test_mere_rates_are_let_pass_while_the_ledger_is_down() -> None:
    gateway = Gateway(KEYED, ledger=Books(answers=False))
    assert (await gateway.ask(CHAT, key=GUEST_KEY)).responder.status == 200


async def test_tokens_a_minute_are_limited_by_the_dearest_the_request_can_become() -> None:
    gateway = Gateway(TWO_TIERS + "tenants: {team: {keys: [env:SEARCH_KEY], rate: {tpm: 1k}}}\n")
    client = await gateway.ask({**CHAT, "max_tokens": 2000}, key=TEAM_KEY)
    assert error_of(client)["code"] == ErrorCode.RATE_LIMIT_EXCEEDED
    assert "may use 2013 tokens, and the limit is 1000 a minute" in error_of(client)["message"]
    assert b"retry-after" not in client.responder.headers, "no minute has room for it"
    assert (await gateway.ask({**CHAT, "max_tokens": 900}, key=TEAM_KEY)).responder.status == 200
    client = await gateway.ask({**CHAT, "max_tokens": 999 - 13}, key=TEAM_KEY)
    assert "limit of 1000 tokens a minute is reached" in error_of(client)["message"]
    assert 0 < int(client.responder.headers[b"retry-after"]) <= 60


async def test_waiting_is_advised_only_where_a_window_could_pay() -> None:
    gateway = Gateway(TWO_TIERS + "tenants: {team: {keys: [env:SEARCH_KEY], budget: {usd: 0.01}}}\n")
    never = await gateway.ask({**CHAT, "model": "large", "max_tokens": 2000}, key=TEAM_KEY)
    assert error_of(never)["code"] == ErrorCode.INSUFFICIENT_QUOTA
    assert error_of(never)["message"].endswith("Set max_tokens, or lower it.")
    assert (await gateway.ask({**CHAT, "model": "large", "max_tokens": 400}, key=TEAM_KEY)).responder.status == 200
    later = await gateway.ask({**CHAT, "model": "large", "max_tokens": 490}, key=TEAM_KEY)
    assert "for the next window" in error_of(later)["message"]
