"""Batch requests are counted apart."""

from dataclasses import replace

from gateway.adapters.metrics import Metrics
from gateway.adapters.metrics_shape import WORKER_LABEL
from gateway.domain.batch import BatchEnding, BatchNote, Priority
from gateway.domain.receipt import Receipt
from tests.support.prometheus import read_series
from tests.support.receipt_samples import a_receipt


def a_batch_receipt(ending: BatchEnding, waited_ms: float = 0.0) -> Receipt:
    return replace(a_receipt(), priority=Priority.BATCH, batch=BatchNote(ending, waited_ms))


def test_a_batch_request_is_counted_by_its_ending_and_hides_no_latency() -> None:
    metrics = Metrics()
    admitted = a_batch_receipt(BatchEnding.ADMITTED, 2_000.0)
    metrics.record(admitted)
    metrics.record(replace(a_batch_receipt(BatchEnding.EXPIRED, 480_000.0), tier=None, charge_usd_nano=0))
    metrics.record(a_batch_receipt(BatchEnding.UNNEEDED))
    series = read_series(metrics.render(), without=WORKER_LABEL)
    assert {key: value for key, value in series.items() if key.startswith("tiergate_batch_requests_total")} == {
        'tiergate_batch_requests_total{ending="admitted",tenant="search"}': 1,
        'tiergate_batch_requests_total{ending="expired",tenant="search"}': 1,
        'tiergate_batch_requests_total{ending="unneeded",tenant="search"}': 1,
    }
    assert series['tiergate_batch_wait_seconds_sum{ending="admitted"}'] == 2.0
    assert series['tiergate_batch_wait_seconds_count{ending="expired"}'] == 1
    assert series['tiergate_batch_duration_seconds_count{tier="small"}'] == 2
    cost = series['tiergate_batch_cost_usd_total{tier="small",tenant="search"}']
    assert cost == 2 * admitted.charge_usd_nano / 1e9
    assert not [key for key in series if key.startswith(("tiergate_request_duration", "tiergate_overhead"))]
    assert series['tiergate_tokens_total{kind="output",tier="small",model="small-model",tenant="search"}'] > 0
