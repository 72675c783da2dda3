"""What an exchange came to: each attempt's share of the bill, and what was wasted."""

import pytest

from gateway.domain.outcome import FailureKind
from gateway.domain.usage import UsageSource
from tests.support.behaviours import breaks_before, fails, stalls_before
from tests.support.gateways import CHAT, STREAM, Gateway
from tests.support.scripts import Behaviour, End


@pytest.mark.parametrize("body", [CHAT, STREAM])
async def test_a_call_that_was_given_up_is_waste_and_charged_to_nobody(body: dict[str, object]) -> None:
    gateway = Gateway()
    gateway.network.plan.queue(stalls_before())
    await gateway.ask(body)
    given_up, given = gateway.receipt.attempts
    assert given_up.failure is FailureKind.TTFT
    assert given_up.waste_usd_nano > 0, "its prompt was read"
    assert (given_up.charge_usd_nano, given.waste_usd_nano) == (0, 0)
    assert gateway.receipt.charge_usd_nano == given.charge_usd_nano > 0
    assert gateway.receipt.waste_usd_nano == given_up.waste_usd_nano


@pytest.mark.parametrize("behaviour", [fails(500), fails(429), breaks_before(End.RESET)])
async def test_a_call_that_its_server_ended_is_no_waste_of_ours(behaviour: Behaviour) -> None:
    gateway = Gateway()
    gateway.network.plan.queue(behaviour)
    await gateway.ask(CHAT)
    assert gateway.receipt.waste_usd_nano == 0


async def test_the_usage_is_that_of_the_answer_which_was_given() -> None:
    gateway = Gateway()
    gateway.network.plan.queue(stalls_before())
    await gateway.ask(CHAT)
    assert gateway.receipt.usage.source is UsageSource.REPORTED
    assert gateway.receipt.tier == "large"
