"""The demo's policy: sound, filled in without loss, and made so that the demo's questions reach every tier."""

from collections import Counter

from gateway.app.demo_policy import TierOnShow, fill_in, shipped_policy, tiers_on_show
from gateway.app.demo_questions import Question, script
from gateway.app.explain_prompt import Question as Prompt
from gateway.app.explain_prompt import answer
from gateway.app.policy_reading import compiler, read_artefact
from gateway.domain.ids import ModelAlias
from gateway.domain.request import Need
from gateway.policy.snapshot import PolicySnapshot
from gateway.policy.source import PolicySource
from tests.architecture.sources import ROOT

URLS = {tier: f"http://127.0.0.1:{9_000 + at}/v1" for at, tier in enumerate(("nano", "small", "large"))}
TWO = {tier: URLS[tier] for tier in ("nano", "small")}


def compiled(policy: str) -> PolicySnapshot:
    snapshot = compiler(read_artefact(None))(PolicySource("demo.yaml", policy.encode()))
    assert isinstance(snapshot, PolicySnapshot), snapshot
    return snapshot


def tiers_asked(policy: str) -> Counter[str]:
    """Count the tiers to which the demo's questions go."""
    snapshot, artefact = compiled(policy), read_artefact(None)
    chosen: Counter[str] = Counter()
    for step in script([*snapshot.tiers][-1]):
        if isinstance(step, Question):
            needs = Need.NONE if step.response_format is None else Need.JSON_SCHEMA
            found = answer(Prompt(step.text, ModelAlias(step.model), needs=needs), snapshot, artefact)
            assert found.decision is not None
            chosen[found.decision.ladder[0]] += 1
    return chosen


def test_the_packaged_policy_is_the_one_that_people_read() -> None:
    assert shipped_policy() == (ROOT / "policies" / "demo.yaml").read_text(encoding="utf-8")


def test_the_policy_with_its_own_ports_is_sound_and_its_quality_certified() -> None:
    route = next(iter(compiled(shipped_policy()).routes.values()))
    assert route.dial.certified
    assert all(share > 0.1 for share in route.dial.shares)


def test_each_tier_gets_its_servers_url_and_the_comments_stay() -> None:
    policy = fill_in(shipped_policy(), URLS)
    endpoints = {name: tier.endpoints[0].base_url for name, tier in compiled(policy).tiers.items()}
    assert endpoints == URLS
    assert "# what clients may name" in policy


def test_a_tier_without_a_server_is_left_out_with_the_name_that_stands_for_it() -> None:
    snapshot = compiled(fill_in(shipped_policy(), TWO))
    assert [*snapshot.tiers] == ["nano", "small"]
    assert "large" not in snapshot.aliases
    assert "auto" in snapshot.aliases


def test_the_questions_reach_all_three_tiers() -> None:
    chosen = tiers_asked(fill_in(shipped_policy(), URLS))
    assert all(chosen[tier] >= 3 for tier in URLS), chosen


def test_the_questions_reach_both_tiers_where_there_are_two() -> None:
    chosen = tiers_asked(fill_in(shipped_policy(), TWO))
    assert all(chosen[tier] >= 3 for tier in TWO), chosen


def test_what_is_shown_of_the_tiers_is_what_the_policy_says() -> None:
    shown = tiers_on_show(shipped_policy())
    assert [tier.name for tier in shown] == ["nano", "small", "large"]
    assert shown[2] == TierOnShow("large", "smollm2-135m-instruct", "gpt-4o", "2.50", "10.00")
    assert (shown[1].input_price, shown[1].output_price) == ("0.075", "0.30")
