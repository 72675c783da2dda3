from dataclasses import replace

from gateway.domain.dial import GradedBound
from gateway.domain.ids import RouteName
from gateway.policy.explain import explain, explained_text
from gateway.policy.snapshot import PolicySnapshot, Route
from tests.unit.policy.worlds import GOOD, MINIMAL, snapshot_of


def lines(title: str, text: str = GOOD) -> dict[str, str]:
    return next(dict(paragraph.lines) for paragraph in explain(snapshot_of(text)) if paragraph.title == title)


def test_a_tier_says_what_it_is_taken_for_and_on_what_that_rests() -> None:
    small = lines("tier small")
    assert small["ability"] == "like llama-3.1-8b-instruct"
    assert small["answers accepted"] == "55 % of the calibration requests, 90 % interval 50.9 % to 59.03 %"
    assert small["rests on"] == "knowledge, maths"
    assert small["price"].startswith("$0.05 in")


def test_a_tier_says_what_it_is_held_to() -> None:
    assert "objective" not in lines("tier small")
    text = GOOD.replace("    limits: {ttft: 4s,", "    slo: {ttft_p95: 600ms}\n    limits: {ttft: 4s,")
    assert "600 ms" in lines("tier small", text)["objective"]


def test_a_tier_without_an_ability_says_so() -> None:
    embed = lines("tier embed")
    assert embed["ability"] == "not stated"
    assert "rests on" not in embed


def test_a_route_says_what_it_is_expected_to_do() -> None:
    balanced = lines("route balanced")
    assert balanced["λ"] == "5 per USD, set by nothing: the strongest able tier is used"
    assert balanced["expected shares"] == "small 50 %, large 50 %"
    assert balanced["expected quality"] == "94 % of the strongest tier's; it is the strongest tier"
    careful = lines("route careful")["expected quality"]
    assert careful.endswith("at least 91 % with 95 % confidence, by the difficulty model's own interval")
    assert balanced["expected cost"] == "40 % of always using the strongest tier"


def test_a_route_says_whether_it_is_certified_and_why() -> None:
    assert lines("route balanced")["certified"].endswith("so the strongest able tier is used")
    assert lines("route careful")["certified"] == "no: an explicit dial asks for no quality"
    best_effort = GOOD.replace("when_uncertified: strongest", "when_uncertified: best_effort")
    assert lines("route balanced", best_effort)["certified"].endswith("comes as near as it can")
    low = GOOD.replace("quality: 95%", "quality: 80%")
    assert lines("route balanced", low)["certified"].startswith("model: 91 % reaches the 80 % asked for, by the ")


def test_a_budget_says_whether_it_is_kept_and_whether_it_binds() -> None:
    ample, tight, only = (
        GOOD.replace("when_uncertified: strongest", "budget: 50%"),
        GOOD.replace("when_uncertified: strongest", "budget: 30%"),
        GOOD.replace("dial: 12.5", "budget: 50%"),
    )
    told = lines("route balanced", ample)
    assert told["λ"] == "5 per USD, set by the budget"
    assert told["expected cost"] == "40 % of always using the strongest tier, within the budget of 50 %"
    assert told["budget"] == "50 % of the strongest tier"
    assert told["certified"].endswith("the budget allows no more")
    nearest = "no λ keeps to the budget of 30 %, this one comes nearest"
    assert lines("route balanced", tight)["expected cost"].endswith(nearest)
    assert lines("route careful", only)["certified"] == "no: a budget asks for no quality"


def test_what_graded_answers_bound_is_told_with_their_number_and_kinds_of_task() -> None:
    snapshot = snapshot_of(GOOD)
    route = snapshot.routes[RouteName("careful")]
    dial = replace(route.dial, graded=GradedBound(1_303, ("code", "maths"), 0.9612))
    told = {each.title: dict(each.lines) for each in explain(_with_route(snapshot, replace(route, dial=dial)))}
    assert "1,303 graded requests say at least 96.12 % for code, maths" in told["route careful"]["expected quality"]


def _with_route(snapshot: PolicySnapshot, route: Route) -> PolicySnapshot:
    return replace(snapshot, routes={**snapshot.routes, route.name: route})


def test_a_route_of_one_tier_has_nothing_to_choose() -> None:
    assert "certified" not in lines("route tier:small")


def test_who_may_use_it_is_said_first() -> None:
    assert explain(snapshot_of(GOOD))[0].lines[0] == ("access", "2 keys of 2 tenants")
    assert explain(snapshot_of(MINIMAL))[0].lines[0][1].startswith("open")


def test_as_text_every_line_stands_under_its_title() -> None:
    text = explained_text(snapshot_of(MINIMAL))
    assert "\n\ntier only\n  model                      m\n" in text
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
