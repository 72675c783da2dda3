"""What a receipt says of itself."""

from dataclasses import replace

from gateway.domain.ids import TierName
from gateway.domain.outcome import FailureKind
from gateway.domain.receipt import answering_endpoint
from tests.support.receipt_samples import a_receipt, an_attempt


def test_the_endpoint_that_answered_is_the_one_that_was_not_given_up() -> None:
    kept, other = an_attempt(1), an_attempt(3, "large")
    given_up = replace(an_attempt(2, position=1), detail="another was quicker")
    receipt = a_receipt(tier=TierName("small"), attempts=(given_up, kept, given_up, other))
    assert answering_endpoint(receipt) == "small/0"


def test_an_answer_that_came_with_a_fault_has_an_endpoint_and_none_has_none() -> None:
    cut = replace(an_attempt(1, failure=FailureKind.SERVER_ERROR, position=1), detail="cut")
    assert answering_endpoint(a_receipt(tier=TierName("small"), attempts=(cut,))) == "small/1"
    assert answering_endpoint(a_receipt(tier=None, attempts=(cut,))) is None
    assert answering_endpoint(a_receipt(tier=TierName("small"), attempts=())) is None
