"""What a scrape reads from others: the policy in force, and the model servers' state."""

from collections.abc import Callable, Iterable

from gateway.adapters import metrics_names as names
from gateway.adapters import metrics_prefix_names as prefix
from gateway.adapters.metrics import Metrics
from gateway.adapters.metrics_cells import Labels
from gateway.adapters.metrics_shape import Metric
from gateway.core.burn_rate import BurnRate
from gateway.core.prefix_index import PrefixIndex
from gateway.core.tier_slo import TierSlos
from gateway.domain.tier import NO_SLO
from gateway.policy.snapshot import PolicySnapshot
from gateway.ports import News

_MS_PER_S = 1e3

Samples = Iterable[tuple[Labels, float]]


def expose_policy(metrics: Metrics, snapshot: Callable[[], PolicySnapshot]) -> None:
    """Tell which policy is in force, and what is expected of its routes."""
    metrics.read_from(names.SNAPSHOT, lambda: [((snapshot().id,), 1)])
    metrics.read_from(names.ROUTE_DIAL, lambda: _dials(snapshot()))
    metrics.read_from(names.ROUTE_CERTIFIED, lambda: _certified(snapshot()))
    metrics.read_from(names.ROUTE_CERTIFICATE, lambda: _certificates(snapshot()))
    metrics.read_from(names.ROUTE_QUALITY, lambda: _qualities(snapshot()))
    metrics.read_from(names.ROUTE_COST, lambda: _costs(snapshot()))


def expose_slos(
    metrics: Metrics, snapshot: Callable[[], PolicySnapshot], slos: TierSlos, now_s: Callable[[], float]
) -> None:
    """Tell how tiers fare against their objectives, and what share of their requests goes elsewhere for it."""
    metrics.read_from(names.SLO_STREAMS, lambda: [(row[:2], row[2]) for row in _objectives(snapshot(), slos)])
    metrics.read_from(names.SLO_MISSED, lambda: [(row[:2], row[3]) for row in _objectives(snapshot(), slos)])
    metrics.read_from(names.SLO_BURN, lambda: _burning(snapshot(), slos, now_s()))
    metrics.read_from(names.SLO_SEEN, lambda: _latencies(snapshot(), slos, now_s()))
    metrics.read_from(names.SLO_SHIFTED, lambda: _shifted(snapshot(), slos, now_s()))


def expose_prefixes(metrics: Metrics, index: PrefixIndex, news: News) -> None:
    """Tell how large the index of prompts' beginnings is, and how well workers know each other's."""
    expose_number(metrics, prefix.PREFIX_BLOCKS, lambda: len(index))
    expose_number(metrics, prefix.PREFIX_BYTES, lambda: index.size_bytes)
    expose_number(metrics, prefix.PREFIX_EVICTED, lambda: index.evicted_blocks)
    expose_number(metrics, prefix.PREFIX_UNTOLD, lambda: index.untold)
    expose_number(metrics, prefix.PREFIX_LAG, lambda: news.stats().get("lag_ms", 0) / _MS_PER_S)


def expose_number(metrics: Metrics, metric: Metric, read: Callable[[], float]) -> None:
    """Tell one number that somebody else keeps, for a metric without labels."""
    metrics.read_from(metric, lambda: [((), read())])


def _dials(snapshot: PolicySnapshot) -> Samples:
    return [((route.name,), route.dial.value) for route in snapshot.routes.values()]


def _certified(snapshot: PolicySnapshot) -> Samples:
    return [((route.name,), int(route.dial.certified)) for route in snapshot.routes.values()]


def _certificates(snapshot: PolicySnapshot) -> Samples:
    return [((route.name, route.dial.certificate), 1) for route in snapshot.routes.values()]


def _costs(snapshot: PolicySnapshot) -> Samples:
    return [((route.name,), route.dial.cost_share) for route in snapshot.routes.values()]


def _qualities(snapshot: PolicySnapshot) -> Samples:
    for route in snapshot.routes.values():
        yield (route.name, "expected"), route.dial.quality
        yield (route.name, "low"), route.dial.quality_low


def _objectives(snapshot: PolicySnapshot, slos: TierSlos) -> Iterable[tuple[str, str, int, int]]:
    """Yield tier, objective, streams and misses of each objective that the policy has."""
    for tier, objective, burn in _burns(snapshot, slos):
        yield tier, objective, burn.total, burn.missed


def _burning(snapshot: PolicySnapshot, slos: TierSlos, now_s: float) -> Samples:
    for tier, objective, burn in _burns(snapshot, slos):
        for window, rate in zip(("5m", "1h"), burn.rates(now_s), strict=True):
            yield (tier, objective, window), rate


def _burns(snapshot: PolicySnapshot, slos: TierSlos) -> Iterable[tuple[str, str, BurnRate]]:
    for tier in snapshot.tiers.values():
        known = slos.tier(tier.name)
        if tier.slo.ttft_p95_s is not None:
            yield tier.name, "ttft_p95", known.ttft
        if tier.slo.itl_p95_s is not None:
            yield tier.name, "itl_p95", known.itl


def _latencies(snapshot: PolicySnapshot, slos: TierSlos, now_s: float) -> Samples:
    for tier in snapshot.tiers.values():
        window = slos.tier(tier.name).window
        window.expire(now_s)
        for of, read_s in (("ttft", window.ttft_s), ("itl", window.itl_s)):
            for percentile in (50, 95):
                seconds = read_s(percentile / 100)
                if seconds is not None:
                    yield (tier.name, of, str(percentile)), seconds


def _shifted(snapshot: PolicySnapshot, slos: TierSlos, now_s: float) -> Samples:
    shifted = slos.shifted(snapshot.tiers, now_s)
    return [((name,), shifted.get(name, 0.0)) for name, tier in snapshot.tiers.items() if tier.slo != NO_SLO]
