"""An expression cannot be written about what a metric does not have."""

import pytest

from deploy.grafana import promql
from gateway.adapters import metrics_names as names


def test_a_label_that_a_metric_lacks_is_refused() -> None:
    with pytest.raises(promql.NoSuchLabel, match="tiergate_requests_total has no label 'route', but outcome"):
        promql.per_second(names.REQUESTS, "route")
    with pytest.raises(promql.NoSuchLabel, match="no label 'tiers'"):
        promql.in_range(names.REQUESTS, where={"tiers": "a"})
    with pytest.raises(promql.NoSuchLabel, match="no label 'tier', but none"):
        promql.total(names.IN_FLIGHT, "tier")


def test_what_a_type_does_not_have_is_refused() -> None:
    with pytest.raises(promql.WrongKind, match="is a gauge: it has no rate"):
        promql.per_second(names.IN_FLIGHT)
    with pytest.raises(promql.WrongKind, match="is a counter, not a histogram"):
        promql.quantile(0.5, names.REQUESTS)
    with pytest.raises(promql.WrongKind, match="is a histogram, not a gauge"):
        promql.most(names.OVERHEAD)


def test_counters_are_rates_gauges_their_last_samples_and_histograms_their_buckets() -> None:
    assert promql.per_second(names.COST, "tier") == (
        'sum by (tier) (rate(tiergate_cost_usd_total{instance=~"$instance"}[$__rate_interval]))'
    )
    assert promql.per_second(names.OVERHEAD, over="5m") == (
        'sum (rate(tiergate_overhead_seconds_count{instance=~"$instance"}[5m]))'
    )
    assert promql.total(names.IN_FLIGHT, "worker") == (
        'sum by (worker) (last_over_time(tiergate_requests_in_flight{instance=~"$instance"}[$__rate_interval]))'
    )
    assert promql.quantile(0.5, names.STAGE, where={"stage": "score"}) == (
        "histogram_quantile(0.5, sum by (le) "
        '(rate(tiergate_stage_duration_seconds_bucket{instance=~"$instance", stage=~"score"}[$__rate_interval])))'
    )
