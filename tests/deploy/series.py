"""What a PromQL expression names: metrics, labels and values, held against those that the gateway tells."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from gateway.adapters.metrics_names import METRICS
from gateway.adapters.metrics_shape import WORKER_LABEL, Kind, Metric
from gateway.core.breaker import Failure
from gateway.core.endpoint_state import STANDINGS
from gateway.domain.ability import ClassifierOutcome
from gateway.domain.decision import ReasonCode
from gateway.domain.errors import ErrorCode
from gateway.domain.outcome import NoRetry, Outcome

BY_NAME: Final[Mapping[str, Metric]] = {
    f"{metric.name}{suffix}": metric
    for metric in METRICS
    for suffix in (("_bucket", "_sum", "_count") if metric.kind is Kind.HISTOGRAM else ("",))
}
OF_A_SCRAPE: Final = frozenset({"instance", "job", WORKER_LABEL, "le"})
WORDS: Final[Mapping[tuple[str, str], frozenset[str]]] = {
    ("tiergate_requests_total", "outcome"): frozenset(Outcome),
    ("tiergate_errors_total", "code"): frozenset(ErrorCode),
    ("tiergate_decisions_total", "reason"): frozenset(ReasonCode),
    ("tiergate_tiers_removed_total", "reason"): frozenset(ReasonCode),
    ("tiergate_unanswered_total", "reason"): frozenset(NoRetry),
    ("tiergate_classifier_outcomes_total", "outcome"): frozenset(ClassifierOutcome),
    ("tiergate_endpoint_ejections_total", "cause"): frozenset(Failure),
    ("tiergate_endpoint_state", "state"): frozenset(STANDINGS),
    ("tiergate_policy_reloads_total", "result"): frozenset({"accepted", "refused"}),
    ("tiergate_artefact_reloads_total", "result"): frozenset({"accepted", "refused"}),
    ("tiergate_refusals_total", "limit"): frozenset({"budget", "rate"}),
    ("tiergate_stage_duration_seconds_bucket", "stage"): frozenset({"lookup", "score"}),
}
"""The values that a label may have, where they are a closed set."""
_SERIES = re.compile(r"(?<![\w:])(tiergate_\w+)(?![\w:])(?:\{([^}]*)\})?")
_MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"')


def series_in(expression: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield each series of the gateway's own that is named, with what its labels must be."""
    for name, matchers in _SERIES.findall(expression):
        yield name, {label: value for label, _, value in _MATCHER.findall(matchers)}


def faults_in(expression: str) -> list[str]:
    """Tell what an expression names and the gateway does not."""
    faults = []
    asked_by = {label.strip() for group in re.findall(r"by \(([^)]*)\)", expression) for label in group.split(",")}
    for name, matchers in series_in(expression):
        metric = BY_NAME.get(name)
        if metric is None:
            faults.append(f"there is no {name}")
            continue
        known = {*metric.labels, *OF_A_SCRAPE}
        faults += [f"{name} has no label {label}" for label in (asked_by | set(matchers)) - known]
        for label, value in matchers.items():
            words = WORDS.get((name, label))
            if words is not None and not any(re.fullmatch(value, word) for word in words):
                faults.append(f"{name} has no {label} like {value}")
            elif words is not None and re.fullmatch(r"[\w|]+", value):
                faults += [f"{label} is never {word}" for word in value.split("|") if word not in words]
    return faults
