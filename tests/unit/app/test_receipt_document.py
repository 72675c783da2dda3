"""A receipt as it is told."""

import json
from dataclasses import replace

from gateway.app.receipt_document import tell_receipt
from gateway.domain.decision import ReasonCode
from gateway.wire.receipt_json import decode_receipt, encode_receipt
from tests.support.receipt_samples import a_receipt


def test_what_would_have_changed_the_decision_is_told() -> None:
    decision = json.loads(tell_receipt(a_receipt()))["decision"]
    chosen, other = decision["views"]
    (flip,) = decision["flips"]
    assert (decision["ladder"][0], flip["tier"]) == (chosen["tier"], other["tier"])
    assert flip["p_needed"] == other["p_needed"] > other["p"]
    assert chosen["p_needed"] < chosen["p"]
    assert flip["dial_needed"] < decision["dial"]
    (words,) = decision["would_change"]
    assert words.startswith("large: costs $")


def test_where_value_did_not_decide_the_words_say_what_did() -> None:
    kept = a_receipt().decision
    assert kept is not None
    pinned = replace(kept, reason=ReasonCode.PINNED_BY_ALIAS)
    decision = json.loads(tell_receipt(a_receipt(decision=pinned)))["decision"]
    assert [view["p_needed"] for view in decision["views"]] == [None, None]
    assert "the route would then decide" in decision["would_change"][0]


def test_what_is_added_is_passed_over_when_it_is_read() -> None:
    assert decode_receipt(tell_receipt(a_receipt())) == decode_receipt(encode_receipt(a_receipt()))


def test_a_request_without_a_decision_has_nothing_to_add() -> None:
    bare = a_receipt(decision=None)
    assert tell_receipt(bare) == encode_receipt(bare)
