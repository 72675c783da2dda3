"""Which tier is chosen, and that the money for it is held before any server is called."""

import pytest

from gateway.domain.errors import ErrorCode
from gateway.domain.outcome import Outcome
from tests.support.behaviours import always
from tests.support.gateways import CHAT, GUEST_KEY, KEYED, TEAM_KEY, TWO_TIERS, Books, Gateway, error_of
from tests.support.scripts import Unreachable

TINY = KEYED.replace("budget: {usd: 1,", "budget: {usd: 0.00001,")


async def test_a_key_limited_to_a_tier_is_not_sent_elsewhere() -> None:
    gateway = Gateway(KEYED.replace("dial: 1000000", "dial: 0"))
    client = await gateway.ask(CHAT, key=GUEST_KEY)
    assert client.responder.headers[b"x-tiergate-tier"] == b"small"


async def test_what_a_tier_does_not_support_goes_to_one_that_does() -> None:
    gateway = Gateway()
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    client = await gateway.ask({"model": "auto", "messages": [{"role": "user", "content": [image]}]})
    assert client.responder.headers[b"x-tiergate-tier"] == b"large"
    assert gateway.receipt.decision is not None
    assert gateway.receipt.decision.reason == "only_able"


async def test_a_tier_whose_servers_are_all_down_is_passed_over() -> None:
    gateway = Gateway()
    gateway.network.plan.queue(always(Unreachable()), always(Unreachable()))
    await gateway.ask({**CHAT, "seed": 1})
    client = await gateway.ask({**CHAT, "seed": 2})
    assert client.responder.headers[b"x-tiergate-tier"] == b"large"
    assert client.responder.headers[b"x-tiergate-attempts"] == b"1"


async def test_when_all_are_down_one_is_tried_all_the_same() -> None:
    gateway = Gateway()
    gateway.network.plan.queue(*[always(Unreachable())] * 3)
    refused = await gateway.ask({**CHAT, "seed": 1})
    assert refused.responder.status == 502
    client = await gateway.ask({**CHAT, "seed": 2})
    assert client.responder.status == 200


async def test_the_hold_covers_the_dearest_rung_and_the_settlement_is_the_charge() -> None:
    books = Books()
    gateway = Gateway(KEYED, ledger=books)
    await gateway.ask({**CHAT, "max_tokens": 100}, key=TEAM_KEY)
    (hold,), (settlement,) = books.holds, books.settlements
    assert hold.amount_usd_nano >= 100 * 20_000, "a hundred tokens of output on the large tier"
    assert settlement.hold == hold
    assert settlement.charge_usd_nano == gateway.receipt.charge_usd_nano > 0
    assert settlement.tokens == gateway.receipt.usage.total_tokens


@pytest.mark.parametrize("choices", [1, 3])
async def test_the_hold_grows_with_the_choices(choices: int) -> None:
    books = Books()
    gateway = Gateway(KEYED, ledger=books)
    await gateway.ask({**CHAT, "max_tokens": 1000, "n": choices}, key=TEAM_KEY)
    assert books.holds[0].amount_usd_nano // (1000 * 20_000) == choices


async def test_nothing_is_asked_of_the_ledger_where_nothing_is_limited() -> None:
    books = Books()
    await Gateway(ledger=books).ask(CHAT)
    assert books.holds == []


async def test_a_budget_that_may_not_suffice_refuses_before_any_server_is_called() -> None:
    gateway = Gateway(TINY)
    client = await gateway.ask(CHAT, key=TEAM_KEY)
    assert client.responder.status == 429
    assert error_of(client)["code"] == ErrorCode.INSUFFICIENT_QUOTA
    assert "0.00001 USD" in error_of(client)["message"]
    assert client.responder.headers[b"x-should-retry"] == b"false"
    assert gateway.network.requests == []
    assert gateway.receipt.outcome is Outcome.THROTTLED


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


async def test_a_request_that_no_tier_can_serve_is_told_so_and_nothing_is_held() -> None:
    books = Books()
    gateway = Gateway(KEYED, ledger=books)
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    body = {"model": "small", "messages": [{"role": "user", "content": [image]}]}
    client = await gateway.ask(body, key=TEAM_KEY)
    assert client.responder.status == 400
    assert error_of(client)["code"] == ErrorCode.NO_ABLE_TIER
    assert books.holds == []
    assert gateway.receipt.outcome is Outcome.NO_TIER
