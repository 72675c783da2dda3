"""One policy, as interactive requests see it and as batch requests do."""

from dataclasses import replace

from gateway.domain.batch import Priority
from gateway.domain.ids import RouteName, TierName
from gateway.domain.money import Price
from gateway.policy.facts import facts_of
from gateway.policy.snapshot import PolicySnapshot
from tests.unit.policy.worlds import GOOD, snapshot_of

SMALL, LARGE, EMBED = TierName("small"), TierName("large"), TierName("embed")
BALANCED, CAREFUL = RouteName("balanced"), RouteName("careful")
HEDGED = GOOD.replace("    quality: 95%\n", "    quality: 95%\n    hedge: {after: 1s}\n")


def with_lanes(tier: str, lanes: str) -> str:
    return GOOD.replace(f"  {tier}:\n    model", f"  {tier}:\n    lanes: {lanes}\n    model")


def orders(
    snapshot: PolicySnapshot, route: RouteName
) -> tuple[tuple[TierName, ...] | None, tuple[TierName, ...] | None]:
    """The tiers of a route in either view, None where it takes no such requests."""
    interactive, batch = snapshot.routes[route], snapshot.batch.routes.get(route)
    return (
        interactive.tiers if interactive.priority is Priority.INTERACTIVE else None,
        None if batch is None else batch.tiers,
    )


def test_batch_requests_have_time_and_are_neither_hedged_nor_followed() -> None:
    snapshot = snapshot_of(HEDGED)
    interactive, batch = snapshot.routes[BALANCED], snapshot.batch.routes[BALANCED]
    assert interactive.hedge is not None
    assert batch == replace(
        interactive,
        priority=Priority.BATCH,
        hedge=None,
        deadline_s=interactive.deadline_s + 480.0,
        stream_deadline_s=interactive.stream_deadline_s + 480.0,
        cache=replace(interactive.cache, coalesces=False),
    )
    assert batch.dial is interactive.dial, "the same tiers at the same prices are weighed once"
    assert batch.cache_epoch == interactive.cache_epoch, "each is given the other's kept answers"


def test_a_batch_price_is_a_share_of_the_price_and_a_server_is_filled_in_part() -> None:
    snapshot = snapshot_of(GOOD.replace("    price: catalog\n", "    price: catalog\n    batch_price: 50%\n"))
    assert snapshot.tiers[LARGE].price == Price(2_500_000, 1_250_000, 10_000_000)
    batch = snapshot.batch.tiers[LARGE]
    assert batch.price == Price(1_250_000, 625_000, 5_000_000)
    assert (snapshot.tiers[LARGE].limits.fill, batch.limits) == (1.0, replace(snapshot.tiers[LARGE].limits, fill=0.5))
    assert snapshot.batch.tiers[SMALL].price == snapshot.tiers[SMALL].price
    assert snapshot.batch.routes[BALANCED].dial is not snapshot.routes[BALANCED].dial, "other prices are weighed anew"
    assert facts_of(snapshot)["tier large"]["batch_price"] == "$1.25 in, $0.625 cached in, $5 out per million tokens"


def test_a_tier_may_be_for_one_lane_only() -> None:
    snapshot = snapshot_of(with_lanes("large", "[batch]"))
    assert orders(snapshot, BALANCED) == ((SMALL,), (SMALL, LARGE))
    assert snapshot.batch.only == {LARGE}
    assert facts_of(snapshot)["tier large"]["lanes"] == "batch"
    snapshot = snapshot_of(with_lanes("large", "[interactive]"))
    assert orders(snapshot, CAREFUL) == ((SMALL, LARGE), (SMALL,))
    assert LARGE in snapshot.tiers
    assert LARGE not in snapshot.batch.tiers
    assert facts_of(snapshot)["tier large"]["lanes"] == "interactive"


def test_a_route_whose_tiers_take_no_batch_requests_takes_none() -> None:
    text = with_lanes("small", "[interactive]").replace(
        "  large:\n    model", "  large:\n    lanes: [interactive]\n    model"
    )
    assert orders(snapshot_of(text), BALANCED) == ((SMALL, LARGE), None)


def test_all_requests_of_a_batch_route_are_batch() -> None:
    text = with_lanes("large", "[interactive]").replace("    quality: 95%\n", "    quality: 95%\n    priority: batch\n")
    snapshot = snapshot_of(text)
    assert orders(snapshot, BALANCED) == (None, (SMALL,))
    assert snapshot.routes[BALANCED] is snapshot.batch.routes[BALANCED]


def test_an_alias_of_a_tier_takes_what_the_tier_takes() -> None:
    pinned = RouteName("tier:embed")
    assert orders(snapshot_of(GOOD), pinned) == ((EMBED,), (EMBED,))
    assert orders(snapshot_of(with_lanes("embed", "[interactive]")), pinned) == ((EMBED,), None)
    assert orders(snapshot_of(with_lanes("embed", "[batch]")), pinned) == (None, (EMBED,))


def test_a_tenants_batch_keys_are_keys_of_its_own() -> None:
    snapshot = snapshot_of(
        GOOD.replace("{keys: [env:BATCH_KEY]}", "{keys: [env:BATCH_KEY], batch_keys: [env:UPSTREAM_KEY]}")
    )
    keys = {key.id: key for key in snapshot.keys.values() if key.tenant.id == "batch"}
    assert {name: key.priority for name, key in keys.items()} == {
        "batch/0": Priority.INTERACTIVE,
        "batch/batch/0": Priority.BATCH,
    }
