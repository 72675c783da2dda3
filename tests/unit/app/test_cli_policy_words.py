import io
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from gateway.app.cli_policy_words import check_document, explain_document, print_explained, summary, warnings_of
from gateway.domain.dial import GradedBound
from gateway.domain.ids import RouteName, TierName
from tests.unit.policy.worlds import GOOD, MINIMAL, problems_of, snapshot_of


def test_a_policy_is_summed_up_without_the_routes_that_stand_for_tiers() -> None:
    assert summary(snapshot_of(GOOD)).startswith("3 tiers, 4 endpoints, 2 routes, 4 models, 2 keys; snapshot ")
    assert "1 tier, 1 endpoint, 1 route, 1 model, open" in summary(snapshot_of(MINIMAL))


def test_an_uncertified_route_says_what_follows() -> None:
    (strongest,) = warnings_of(snapshot_of(GOOD))
    assert strongest == (
        "route balanced: not certified: no λ is sure to keep the 95 % asked for, so the strongest able tier is used"
    )
    best_effort = GOOD.replace("when_uncertified: strongest", "when_uncertified: best_effort")
    assert next(warnings_of(snapshot_of(best_effort))).endswith("the route comes as near as it can")


def test_a_budget_that_nothing_keeps_to_is_warned_of() -> None:
    text = GOOD.replace("when_uncertified: strongest", "budget: 30%")
    assert list(warnings_of(snapshot_of(text)))[1] == (
        "route balanced: over budget: it is expected to cost 40 % of the strongest tier, not 30 %"
    )


def test_a_tier_or_a_route_that_nothing_leads_to_is_warned_of() -> None:
    spare = (
        "  spare: {model: n, price: free, context: 8k, ability: {like: gpt-4o}, endpoints: [{url: 'http://b/v1'}]}\n"
    )
    text = MINIMAL.replace("models:", f"{spare}models:").replace(
        "{all: {}}", "{all: {tiers: [only]}, other: {dial: 1}}"
    )
    warnings = list(warnings_of(snapshot_of(text)))
    assert "route other: no model leads to it" in warnings
    only_all = text.replace(", other: {dial: 1}", "")
    assert list(warnings_of(snapshot_of(only_all))) == ["tier spare: no route and no model leads to it"]


def test_a_check_tells_problems_and_snapshots_alike() -> None:
    found = problems_of(MINIMAL.replace("price: free", "price: gratis"))
    document = check_document([(Path("a.yaml"), snapshot_of(MINIMAL)), (Path("b.yaml"), found)])
    files = document["files"]
    assert isinstance(files, list)
    assert [entry["file"] for entry in files] == ["a.yaml", "b.yaml"]
    assert [len(entry["problems"]) for entry in files] == [0, len(found)]


def test_a_document_says_what_graded_answers_bound() -> None:
    snapshot = snapshot_of(GOOD)
    route = snapshot.routes[RouteName("careful")]
    dial = replace(route.dial, graded=GradedBound(1_303, ("code",), 0.96))
    snapshot = replace(snapshot, routes={route.name: replace(route, dial=dial)})
    routes = explain_document(snapshot)["routes"]
    assert isinstance(routes, list)
    assert routes[0]["graded"] == {"requests": 1_303, "tasks": ["code"], "quality_low": 0.96}
    assert (routes[0]["certificate"], routes[0]["set_by"]) == ("none", "dial")


def test_a_tier_without_an_ability_has_none_to_tell() -> None:
    document = explain_document(snapshot_of(GOOD))
    tiers = document["tiers"]
    assert isinstance(tiers, list)
    assert [tier["ability"] is None for tier in tiers] == [False, False, True]
    written = io.StringIO()
    print_explained(Console(file=written, width=160), snapshot_of(GOOD), full=False)
    assert "not stated" in written.getvalue()


def test_a_route_of_which_one_tier_was_measured_and_the_other_compared_is_warned_of() -> None:
    snapshot = snapshot_of(GOOD)
    tier = snapshot.tiers[TierName("small")]
    ability = replace(tier.ability, reference="", calibration="c/small.json")
    tiers = {**snapshot.tiers, tier.name: replace(tier, ability=ability)}
    warnings = list(warnings_of(replace(snapshot, tiers=tiers)))
    assert any("small measured by probes, large by comparison" in warning for warning in warnings)
    document = explain_document(replace(snapshot, tiers=tiers))["tiers"]
    assert isinstance(document, list)
    assert (document[0]["ability"]["like"], document[0]["ability"]["calibration"]) == (None, "c/small.json")


HELD = GOOD.replace("    limits: {ttft: 4s,", "    slo: {ttft_p95: 600ms}\n    limits: {ttft: 4s,")


def test_objectives_are_told_and_those_that_move_nothing_are_warned_of() -> None:
    written = io.StringIO()
    print_explained(Console(file=written, width=300), snapshot_of(HELD), full=False)
    assert "95 % of streams begin within 600 ms" in written.getvalue()
    assert "goes to large, nine tenths at most" in written.getvalue()
    assert not any("objective" in warning for warning in warnings_of(snapshot_of(HELD)))
    alone = HELD.replace("    tiers: [large, small]\n", "    tiers: [large]\n").replace(
        "    quality: 95%\n", "    tiers: [small]\n    quality: 95%\n"
    )
    assert "tier small: its objective moves nothing: no route has another tier beside it" in list(
        warnings_of(snapshot_of(alone))
    )
    tiers = explain_document(snapshot_of(HELD))["tiers"]
    assert isinstance(tiers, list)
    assert [tier["slo"]["ttft_p95_s"] for tier in tiers] == [0.6, None, None]
