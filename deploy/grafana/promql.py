"""PromQL over the gateway's own metrics, whose names and labels are checked while a dashboard is made.

A scrape of several workers on one port reaches one of them at a time. So counters are read by their rates over windows
of many scrapes, and gauges by their last sample within such a window: both then add up over all workers.
"""

from collections.abc import Mapping

from gateway.adapters.metrics_shape import WORKER_LABEL, Kind, Metric

WINDOW = "$__rate_interval"
"""Grafana's: four scrapes, or the width of a pixel where that is more."""
RANGE = "$__range"
"""Grafana's: all that the dashboard shows."""
_OF_THE_SCRAPE = ("instance", "job")
_INSTANCE = {"instance": "$instance"}
Where = Mapping[str, str]
"""Label to a regular expression, or to a variable of the dashboard."""


class NoSuchLabel(ValueError):
    """A metric is asked by a label that it does not have."""


class WrongKind(ValueError):
    """A metric is asked for what its type does not have, as a gauge for its rate."""


def per_second(metric: Metric, *by: str, where: Where | None = None, over: str = WINDOW) -> str:
    """Return a counter's rate, or that of a histogram's observations, summed over all but the labels named."""
    return _sum(f"rate({_counted(metric, where)}[{over}])", metric, by)


def in_range(metric: Metric, *by: str, where: Where | None = None) -> str:
    """Return by how much a counter grew in the time that the dashboard shows."""
    return _sum(f"increase({_counted(metric, where)}[{RANGE}])", metric, by)


def total(metric: Metric, *by: str, where: Where | None = None) -> str:
    """Return a gauge, summed over workers and instances."""
    return _sum(_last(metric, where), metric, by)


def most(metric: Metric, *by: str, where: Where | None = None) -> str:
    """Return the largest value of a gauge that every worker tells alike."""
    return f"max{_by(metric, by)} ({_last(metric, where)})"


def least(metric: Metric, *by: str, where: Where | None = None) -> str:
    """Return the smallest value of such a gauge."""
    return f"min{_by(metric, by)} ({_last(metric, where)})"


def quantile(share: float, metric: Metric, *by: str, where: Where | None = None) -> str:
    """Return a quantile of a histogram."""
    buckets = f"rate({_name(metric, '_bucket', where, Kind.HISTOGRAM)}[{WINDOW}])"
    _check(metric, by)
    return f"histogram_quantile({share}, sum by ({', '.join(('le', *by))}) ({buckets}))"


def mean(metric: Metric, *by: str, where: Where | None = None) -> str:
    """Return the mean of what a histogram observed."""
    observed, counted = (
        _sum(f"rate({_name(metric, suffix, where, Kind.HISTOGRAM)}[{WINDOW}])", metric, by)
        for suffix in ("_sum", "_count")
    )
    return f"{observed} / {counted}"


def buckets(metric: Metric, *, where: Where | None = None) -> str:
    """Return how much came into each bucket of a histogram, for a heat map."""
    return f"sum by (le) (increase({_name(metric, '_bucket', where, Kind.HISTOGRAM)}[{WINDOW}]))"


def of(part: str, whole: str) -> str:
    """Return one as a share of the other."""
    return f"({part}) / ({whole})"


def or_nothing(expression: str) -> str:
    """Return 0 where there is no series yet: what never happened is never counted."""
    return f"({expression}) or vector(0)"


def _counted(metric: Metric, where: Where | None) -> str:
    if metric.kind is Kind.GAUGE:
        raise WrongKind(f"{metric.name} is a gauge: it has no rate")
    return _name(metric, "_count" if metric.kind is Kind.HISTOGRAM else "", where, metric.kind)


def _last(metric: Metric, where: Where | None) -> str:
    return f"last_over_time({_name(metric, '', where, Kind.GAUGE)}[{WINDOW}])"


def _name(metric: Metric, suffix: str, where: Where | None, kind: Kind) -> str:
    if metric.kind is not kind:
        raise WrongKind(f"{metric.name} is a {metric.kind.value}, not a {kind.value}")
    matched = {**_INSTANCE, **(where or {})}
    _check(metric, matched)
    selected = ", ".join(f'{label}=~"{value}"' for label, value in matched.items())
    return f"{metric.name}{suffix}{{{selected}}}"


def _sum(expression: str, metric: Metric, by: tuple[str, ...]) -> str:
    return f"sum{_by(metric, by)} ({expression})"


def _by(metric: Metric, by: tuple[str, ...]) -> str:
    _check(metric, by)
    return f" by ({', '.join(by)})" if by else ""


def _check(metric: Metric, labels: tuple[str, ...] | Mapping[str, str]) -> None:
    for label in labels:
        if label not in (*metric.labels, WORKER_LABEL, *_OF_THE_SCRAPE):
            raise NoSuchLabel(f"{metric.name} has no label {label!r}, but {', '.join(metric.labels) or 'none'}")
