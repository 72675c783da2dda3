"""Decisions of every kind, told."""

import io
from dataclasses import replace

import pytest
from rich.console import Console

from gateway.app.cli_decision import print_decision
from gateway.app.decision_words import WHY, decision_document, in_short, margin, threshold, would_change
from gateway.core.routing import Pin, decide
from gateway.domain.ability import Correction, unknown_score
from gateway.domain.conversation import ConversationNote, Verdict
from gateway.domain.decision import Decision, ReasonCode
from gateway.domain.ids import RouteName, TierName
from gateway.domain.request import Need
from tests.support.receipt_samples import A_NOTE
from tests.support.tiers import KNOWN, a_dial, a_request, a_tier, an_ability

SMALL = a_tier("small", 0, supports=Need.NONE)
LARGE = a_tier("large", 1, ability=an_ability(2.0, prior=0.8), output_usd_pico=10_000_000)
ROUTE = RouteName("balanced")


def told(decision: Decision) -> str:
    written = io.StringIO()
    print_decision(Console(file=written, width=160, markup=False, highlight=False), decision, [("prompt", "Hello")])
    return written.getvalue()


def test_every_reason_is_put_into_words() -> None:
    assert set(WHY) == set(ReasonCode)


@pytest.mark.parametrize(
    ("note", "said"),
    [
        (A_NOTE, "kept: it was at large, with 4,000 tokens of prefix, worth $0.0036; the best tier gains +0.0500"),
        (replace(A_NOTE, verdict=Verdict.RELEASED), "released: it was at large, which cannot take the request"),
    ],
)
def test_what_a_conversation_did_is_told(note: ConversationNote, said: str) -> None:
    decision = decide(a_request(), KNOWN, (SMALL, LARGE), a_dial(1_000.0), route=ROUTE)
    assert said in " ".join(told(replace(decision, conversation=note)).split())


def test_a_choice_by_value_says_what_each_tier_was_worth_and_what_would_flip_it() -> None:
    text = told(decide(a_request(), KNOWN, (SMALL, LARGE), a_dial(1_000.0), route=ROUTE))
    assert "chosen         small (best_value)" in text
    assert "when it fails  large" in text
    assert "familiarity 100 %" in text
    assert "1,000 per USD: $0.001 more must buy 1.00 more chance of a good answer" in text
    assert "certified by the difficulty model's own interval (model)" in text
    assert "0.500  " in text
    assert "0.0001 " in text
    assert "more than 1" in text
    assert (
        "large: costs $0.0009 more than small, which must buy 0.900 of p; it is 0.381 likelier to answer well." in text
    )
    assert "No chance of a good answer would do; or λ of at most 423.108 (it is 1,000)" in " ".join(text.split())


def test_what_would_flip_is_a_chance_where_one_is_enough() -> None:
    (line,) = would_change(decide(a_request(), KNOWN, (SMALL, LARGE), a_dial(0.0), route=ROUTE))
    assert line == (
        "small: saves $0.0009 against large, which is worth 0.000 of p; it is 0.381 less likely to answer well. "
        "It needs p of 0.881 or more and has 0.500; or λ of at least 423.108 (it is 0)"
    )


def test_a_dial_of_zero_is_said_to_pass_cost_over() -> None:
    assert "cost does not count" in told(decide(a_request(), KNOWN, (SMALL, LARGE), a_dial(0.0), route=ROUTE))


def test_a_p_needed_that_lies_within_the_interval_is_a_close_call() -> None:
    unsure = a_tier("small", 0, ability=an_ability(1.0, prior=0.7, standard_error=2.0))
    (line,) = would_change(decide(a_request(), KNOWN, (unsure, LARGE), a_dial(1.0), route=ROUTE))
    assert "within its interval: a close call" in line


def test_a_dearer_tier_that_is_no_better_is_said_to_be_none() -> None:
    worse = a_tier("worse", 1, ability=an_ability(-1.0), output_usd_pico=10_000_000)
    (line,) = would_change(decide(a_request(), KNOWN, (SMALL, worse), a_dial(10.0), route=ROUTE))
    assert "it is not likelier to answer well" in line
    cheaper = a_tier("cheaper", 0, ability=an_ability(0.0), output_usd_pico=0)
    better = a_tier("better", 1, ability=an_ability(2.0), output_usd_pico=10)
    removed = decide(a_request(), KNOWN, (cheaper, better), a_dial(0.0), route=ROUTE)
    assert "less likely" in next(would_change(removed))


def test_only_value_has_a_threshold() -> None:
    decision = decide(a_request(), KNOWN, (SMALL, LARGE), a_dial(1_000.0), route=ROUTE)
    small, large = decision.views
    assert threshold(small, decision) == pytest.approx(large.p - 0.9)
    assert threshold(large, decision) == pytest.approx(small.p + 0.9)
    forced = decide(a_request(), KNOWN, (SMALL, LARGE), a_dial(strongest_only=True), route=ROUTE)
    assert threshold(forced.views[0], forced) is None
    text = told(decision)
    assert "0.000" in text


def test_in_short_a_decision_says_interval_and_bar() -> None:
    decision = decide(a_request(), KNOWN, (SMALL, LARGE), a_dial(1_000.0), route=ROUTE)
    small, large, dial, flip = in_short(decision)
    assert small == "small (chosen): p 0.500, 90 % interval 0.459 – 0.541, the choice from p 0.000 on"
    assert large.endswith("at no p")
    assert dial.startswith("λ 1,000 per USD: $0.001 more must buy")
    assert flip.startswith("large: costs")
    forced = decide(a_request(), KNOWN, (SMALL, LARGE), a_dial(strongest_only=True), route=ROUTE)
    assert "choice from" not in "".join(in_short(forced))


def test_a_margin_is_the_distance_to_the_nearest_flip() -> None:
    decision = decide(a_request(), KNOWN, (SMALL, LARGE), a_dial(1_000.0), route=ROUTE)
    small, large = decision.views
    assert margin(decision) == pytest.approx(small.p + 0.9 - large.p)
    assert margin(decide(a_request(), KNOWN, (SMALL, LARGE), a_dial(strongest_only=True), route=ROUTE)) is None


def test_feedback_that_moved_a_tier_is_told() -> None:
    score = replace(KNOWN, corrections=(Correction(TierName("small"), -0.5, 12.0),))
    text = told(decide(a_request(), score, (SMALL, LARGE), a_dial(), route=ROUTE))
    assert "moves the log odds of small -0.50 by 12.0 labels" in text


def test_what_is_unknown_says_what_would_let_the_route_choose() -> None:
    dial = a_dial(1e9, strongest_when_unknown=True)
    decision = decide(a_request(), unknown_score("folded-1"), (SMALL, LARGE), dial, route=ROUTE)
    assert "strongest_unknown" in told(decision)
    (line,) = would_change(decision)
    assert line == "small: a request of which something is known, or `when_unknown: prior`"


def test_no_dial_would_choose_a_tier_that_is_as_dear_and_worse() -> None:
    twin = a_tier("twin", 1, ability=an_ability(-1.0))
    (line,) = would_change(decide(a_request(), KNOWN, (SMALL, twin), a_dial(1.0), route=ROUTE))
    assert line.endswith("; no λ would do")


def test_a_removed_tier_says_why_and_whether_it_would_have_won() -> None:
    decision = decide(a_request(needs=Need.TOOLS), KNOWN, (SMALL, LARGE), a_dial(1_000.0), route=ROUTE)
    text = told(decision)
    assert "removed (tools): it does not support tools" in text
    assert "large (only_able): every other tier was removed" in text
    assert "small: had it not been removed (tools), it would have been the better value" in text
    cheap_dial = decide(a_request(needs=Need.TOOLS), KNOWN, (SMALL, LARGE), a_dial(0.0), route=ROUTE)
    assert not list(would_change(cheap_dial))


def test_an_unknown_request_counts_with_the_average() -> None:
    text = told(decide(a_request(), unknown_score("folded-1"), (SMALL, LARGE), a_dial(), route=ROUTE))
    assert "folded-1 (abstain): unknown, so each tier counts with its average" in text


def test_a_pinned_tier_is_told_as_the_callers_wish() -> None:
    pin = Pin(TierName("small"), ReasonCode.PINNED_BY_HEADER)
    text = told(decide(a_request(), unknown_score("none"), (SMALL,), a_dial(certified=False), route=ROUTE, pin=pin))
    assert "pinned_by_header" in text
    assert "not asked: only one tier is in question" in text
    assert "not certified (none)" in text
    assert "without x-tiergate-tier" in text


def test_an_uncertified_route_says_what_would_let_it_choose() -> None:
    dial = a_dial(certified=False, strongest_only=True)
    (line,) = would_change(decide(a_request(), KNOWN, (SMALL, LARGE), dial, route=ROUTE))
    assert line == "small: a quality that is certified, or `when_uncertified: best_effort`"


def test_four_tiers_leave_one_that_would_not_be_tried() -> None:
    tiers = (SMALL, LARGE, *(a_tier(name, rank) for name, rank in (("larger", 2), ("largest", 3))))
    assert "able, not tried" in told(decide(a_request(), KNOWN, tiers, a_dial(1_000.0), route=ROUTE))


def test_as_a_document_a_decision_has_everything_that_is_printed() -> None:
    written = decision_document(decide(a_request(), KNOWN, (SMALL, LARGE), a_dial(1_000.0), route=ROUTE))
    assert written["chosen"] == "small"
    assert written["ladder"] == ["small", "large"]
    assert written["flips"] == [
        {"tier": "large", "p_needed": pytest.approx(1.4), "dial_needed": pytest.approx(423.108, abs=0.001)}
    ]
