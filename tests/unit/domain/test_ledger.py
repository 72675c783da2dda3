"""What a hold and a settlement may say."""

import pytest

from gateway.domain.ids import RequestId, TenantId
from gateway.domain.ledger import EXACT_MAX, UNLIMITED, Allowance, Hold, HoldVerdict, Refusal, Settlement


def a_hold(amount: int = 0, tokens: int = 0) -> Hold:
    return Hold(RequestId("r"), TenantId("t"), Allowance(), amount, tokens, 60.0)


@pytest.mark.parametrize(
    "allowance",
    [Allowance(budget_usd_nano=0), Allowance(requests_per_minute=0), Allowance(tokens_per_minute=0)],
)
def test_a_limit_of_nothing_is_a_limit(allowance: Allowance) -> None:
    assert not allowance.is_unlimited
    assert Allowance().is_unlimited


@pytest.mark.parametrize(("amount", "tokens"), [(-1, 0), (0, -1), (EXACT_MAX + 1, 0), (0, EXACT_MAX + 1)])
def test_what_cannot_be_counted_is_refused(amount: int, tokens: int) -> None:
    with pytest.raises(ValueError, match="countable"):
        a_hold(amount, tokens)
    with pytest.raises(ValueError, match="countable"):
        Settlement(a_hold(), amount, tokens)


def test_the_largest_countable_amount_is_taken() -> None:
    assert Settlement(a_hold(EXACT_MAX, EXACT_MAX), EXACT_MAX, EXACT_MAX).charge_usd_nano == EXACT_MAX


def test_a_verdict_is_granted_unless_a_limit_refused_it() -> None:
    assert UNLIMITED.is_granted
    assert not HoldVerdict(Refusal.BUDGET, 1.0, 0).is_granted
