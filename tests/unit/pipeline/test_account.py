"""What a request cost: settled exactly after it, given back when there was no answer."""

import asyncio

from gateway.domain.ledger import Settlement
from gateway.domain.outcome import Outcome
from gateway.domain.usage import TokenUsage
from gateway.ports import LedgerUnavailable
from tests.support.behaviours import (
    breaks_after,
    fails,
)
from tests.support.gateways import (
    CHAT,
    KEYED,
    STREAM,
    TEAM_KEY,
    Books,
    Gateway,
    answer_of,
    held_until,
)
from tests.support.scripts import End
from tests.support.waiting import eventually


async def test_the_charge_is_the_served_tiers_price_of_the_reported_usage() -> None:
    gateway = Gateway()
    client = await gateway.ask(CHAT)
    usage = answer_of(client)["usage"]
    charge = usage["prompt_tokens"] * 1_000 + usage["completion_tokens"] * 2_000
    receipt = gateway.receipt
    assert receipt.charge_usd_nano == charge
    assert receipt.baseline_usd_nano == 10 * charge
    assert receipt.usage == TokenUsage(usage["prompt_tokens"], usage["completion_tokens"])
    assert client.responder.headers[b"x-tiergate-cost-usd"] == f"{charge / 1e9:.9f}".rstrip("0").encode()


async def test_a_failed_request_gives_its_hold_back() -> None:
    books = Books()
    gateway = Gateway(KEYED, ledger=books)
    gateway.network.plan.general = fails(500)
    await gateway.ask(CHAT, key=TEAM_KEY)
    assert [one.charge_usd_nano for one in books.settlements] == [0]


async def test_a_client_that_leaves_is_settled_all_the_same() -> None:
    books = Books()
    gateway = Gateway(KEYED, ledger=books)
    gateway.network.plan.general = held_until(asyncio.Event())
    client = gateway.client(CHAT, key=TEAM_KEY)
    serving = asyncio.create_task(gateway.serve(client))
    await eventually(lambda: gateway.network.requests)
    client.leave()
    await serving
    assert len(books.settlements) == 1


async def test_what_is_settled_below_the_hold_is_free_for_the_next() -> None:
    gateway = Gateway(KEYED.replace("budget: {usd: 1,", "budget: {usd: 0.1,"))
    for seed in range(5):
        client = await gateway.ask({**CHAT, "seed": seed}, key=TEAM_KEY)
        assert client.responder.status == 200, "each hold is nearly the whole budget, each charge next to nothing"


async def test_a_ledger_that_cannot_settle_is_reported_and_the_client_not_told() -> None:
    class Lost(Books):
        async def settle(self, settlement: Settlement) -> None:
            raise LedgerUnavailable

    gateway = Gateway(KEYED, ledger=Lost())
    client = await gateway.ask(CHAT, key=TEAM_KEY)
    assert client.responder.status == 200
    assert [type(fault) for fault in gateway.faults] == [LedgerUnavailable]


async def test_a_ledger_that_never_answers_a_settlement_does_not_hold_the_request_up_for_long() -> None:
    class Silent(Books):
        async def settle(self, settlement: Settlement) -> None:
            await asyncio.Event().wait()

    gateway = Gateway(KEYED, ledger=Silent())
    client = await gateway.ask(CHAT, key=TEAM_KEY)
    assert client.responder.status == 200
    assert [type(fault) for fault in gateway.faults] == [TimeoutError]
    assert gateway.receipt.outcome is Outcome.SUCCESS_UPSTREAM


async def test_a_stream_that_broke_off_is_settled_at_what_was_generated() -> None:
    books = Books()
    gateway = Gateway(KEYED, ledger=books)
    gateway.network.plan.general = breaks_after(3, End.RESET)
    await gateway.ask(STREAM, key=TEAM_KEY)
    (settlement,) = books.settlements
    assert settlement.charge_usd_nano == gateway.receipt.charge_usd_nano > 0
    assert settlement.tokens == gateway.receipt.usage.total_tokens
