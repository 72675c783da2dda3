"""The table of metrics keeps Prometheus' conventions."""

import re

import pytest

from gateway.adapters import (
    metrics_batch,
    metrics_cache_names,
    metrics_endpoint_names,
    metrics_ledger_names,
    metrics_names,
    metrics_prefix_names,
    metrics_scoring_names,
    metrics_semantic_names,
    metrics_worker_names,
)
from gateway.adapters.metrics_names import METRICS
from gateway.adapters.metrics_shape import WORKER_LABEL, Kind, Metric

EVERY = pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
UNITS = ("_seconds", "_usd", "_ratio", "_info", "_texts")


def test_every_metric_of_the_module_is_in_the_table_once() -> None:
    modules = (
        metrics_names,
        metrics_batch,
        metrics_endpoint_names,
        metrics_ledger_names,
        metrics_prefix_names,
        metrics_scoring_names,
        metrics_cache_names,
        metrics_semantic_names,
        metrics_worker_names,
    )
    declared = [value for module in modules for value in vars(module).values() if isinstance(value, Metric)]
    assert sorted(metric.name for metric in declared) == sorted(metric.name for metric in METRICS)
    assert len({metric.name for metric in METRICS}) == len(METRICS)


@EVERY
def test_names_are_ours_and_plain(metric: Metric) -> None:
    assert re.fullmatch(r"tiergate_[a-z]+(_[a-z]+)*", metric.name)
    assert metric.name.endswith("_total") == (metric.kind is Kind.COUNTER)


@EVERY
def test_labels_are_plain_and_leave_ours_alone(metric: Metric) -> None:
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", label) for label in metric.labels)
    assert not {WORKER_LABEL, "le", "quantile"} & set(metric.labels)
    assert len(set(metric.labels)) == len(metric.labels)


@EVERY
def test_histograms_and_they_alone_have_bounds_that_rise(metric: Metric) -> None:
    assert bool(metric.bounds) == (metric.kind is Kind.HISTOGRAM)
    assert list(metric.bounds) == sorted(set(metric.bounds))
    if metric.bounds:
        assert metric.name.endswith(UNITS)


@EVERY
def test_every_metric_says_what_it_is(metric: Metric) -> None:
    assert metric.help.endswith(".")
    assert metric.help[0].isupper() or metric.help.startswith(("1", "λ"))


@EVERY
def test_what_is_divided_is_money(metric: Metric) -> None:
    assert (metric.scale == 1) == ("_usd" not in metric.name)
