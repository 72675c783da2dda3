"""What a tier is held to, in words."""

from gateway.domain.ids import TierName
from gateway.policy.objectives import beside, objective
from tests.unit.policy.worlds import GOOD, snapshot_of

SMALL = TierName("small")


def held(slo: str, text: str = GOOD) -> str | None:
    snapshot = snapshot_of(text.replace("    limits: {ttft: 4s,", f"    {slo}\n    limits: {{ttft: 4s,"))
    return objective(snapshot.tiers[SMALL], snapshot)


def test_a_tier_without_an_objective_has_none_to_tell() -> None:
    snapshot = snapshot_of(GOOD)
    assert objective(snapshot.tiers[SMALL], snapshot) is None


def test_an_objective_is_told_with_what_follows_when_it_is_missed() -> None:
    assert held("slo: {ttft_p95: 600ms, itl_p95: 60ms}") == (
        "95 % of streams begin within 600 ms, and 250 ms for each 1,000 tokens of their prompt, and 95 % have a token "
        "every 60 ms or sooner; while it misses that, a tenth more of its requests every 10 s goes to large, nine "
        "tenths at most"
    )
    assert (held("slo: {itl_p95: 60ms}") or "").startswith("95 % have a token every 60 ms")


def test_where_no_other_tier_is_on_the_route_nothing_moves() -> None:
    alone = GOOD.replace("    tiers: [large, small]\n", "    tiers: [large]\n").replace(
        "    quality: 95%\n", "    tiers: [small]\n    quality: 95%\n"
    )
    assert (held("slo: {ttft_p95: 1s}", alone) or "").endswith("nothing moves: no route has another tier beside it")
    snapshot = snapshot_of(GOOD)
    assert [beside(tier, snapshot) for tier in snapshot.tiers.values()] == [["large"], ["small"], []]
