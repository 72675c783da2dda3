"""Pages of several workers as one."""

from gateway.adapters.metrics import Metrics
from gateway.adapters.metrics_pages import merge
from gateway.adapters.metrics_sources import expose_number
from gateway.adapters.metrics_worker_names import WAITING
from gateway.domain.outcome import Outcome
from tests.support.prometheus import read_series
from tests.support.receipt_samples import a_receipt


def page(worker: str, requests: int, waiting: int | None = None) -> str:
    metrics = Metrics(worker)
    for _ in range(requests):
        metrics.record(a_receipt())
    if waiting is not None:
        expose_number(metrics, WAITING, lambda: waiting)
    return metrics.render()


def test_each_family_is_there_once_with_the_series_of_all() -> None:
    merged = merge([page("1", 2), page("2", 3, waiting=4), page("3", 0)])
    heads = [line for line in merged.splitlines() if line.startswith("# ")]
    assert len(heads) == len(set(heads))
    series = read_series(merged)
    for worker, count in (("1", 2), ("2", 3)):
        labels = f'outcome="{Outcome.SUCCESS_UPSTREAM}",tier="small",alias="auto",tenant="search",worker="{worker}"'
        assert series[f"tiergate_requests_total{{{labels}}}"] == count
    assert series['tiergate_requests_waiting{worker="2"}'] == 4
    assert series['tiergate_errors_total{code="internal_error",worker="3"}'] == 0


def test_series_stand_below_the_head_of_their_family() -> None:
    family = ""
    for line in merge([page("1", 1), page("2", 1)]).splitlines():
        if line.startswith("# TYPE "):
            family = line.split()[2]
        elif not line.startswith("#"):
            assert line.startswith(family)


def test_one_page_stays_as_it_is() -> None:
    assert merge([page("1", 2)]) == page("1", 2)
