"""What is counted of a request."""

from dataclasses import replace

import pytest

from gateway.adapters import metrics_names as names
from gateway.adapters.encoder_batches import BatchReport
from gateway.adapters.metrics import OTHER, Metrics
from gateway.adapters.metrics_shape import WORKER_LABEL
from gateway.domain.ability import ClassifierOutcome
from gateway.domain.decision import ReasonCode
from gateway.domain.errors import ErrorCode
from gateway.domain.ids import ModelAlias, TenantId
from gateway.domain.outcome import FailureKind, Outcome
from gateway.domain.receipt import StageTimes
from gateway.domain.usage import NO_USAGE, TokenUsage
from tests.support.prometheus import read_series
from tests.support.receipt_samples import A_NOTE, a_receipt, an_attempt


def _counted(*receipts: object) -> dict[str, float]:
    metrics = Metrics()
    for receipt in receipts:
        metrics.record(receipt)  # type: ignore[arg-type]
    return read_series(metrics.render(), without=WORKER_LABEL)


def test_a_request_is_counted_by_outcome_tier_alias_and_tenant() -> None:
    series = _counted(a_receipt(), a_receipt())
    key = 'tiergate_requests_total{outcome="success_upstream",tier="small",alias="auto",tenant="search"}'
    assert series[key] == 2


def test_a_decision_is_counted_with_its_reason_and_its_score() -> None:
    series = _counted(a_receipt())
    key = 'tiergate_decisions_total{route="balanced",tier="small",reason="best_value",certified="true"}'
    assert series[key] == 1
    assert series['tiergate_scores_total{scorer="test",known="true"}'] == 1


def test_a_tier_that_was_removed_is_counted_with_its_reason() -> None:
    receipt = a_receipt()
    assert receipt.decision is not None
    small, large = receipt.decision.views
    decision = replace(receipt.decision, views=(small, replace(large, value=None, removed_by=ReasonCode.SLO)))
    series = _counted(replace(receipt, decision=decision), receipt)
    assert series['tiergate_tiers_removed_total{tier="large",reason="slo",tenant="search"}'] == 1
    assert not any(key.startswith('tiergate_tiers_removed_total{tier="small"') for key in series)


def test_the_chance_that_each_tier_was_given_is_spread_over_buckets() -> None:
    receipt = a_receipt()
    assert receipt.decision is not None
    series = _counted(receipt, receipt)
    for view in receipt.decision.views:
        assert series[f'tiergate_acceptance_ratio_count{{tier="{view.tier}"}}'] == 2
        assert series[f'tiergate_acceptance_ratio_sum{{tier="{view.tier}"}}'] == pytest.approx(2 * view.p)


def test_a_turn_of_a_conversation_is_counted_with_what_its_prefix_is_worth() -> None:
    receipt = a_receipt()
    assert receipt.decision is not None
    kept = replace(receipt, decision=replace(receipt.decision, conversation=A_NOTE))
    free = replace(receipt, decision=replace(receipt.decision, conversation=replace(A_NOTE, prefix_loss_usd_nano=0)))
    series = _counted(kept, kept, free, receipt)
    assert series['tiergate_conversation_turns_total{verdict="kept"}'] == 3
    assert series['tiergate_conversation_prefix_usd_total{verdict="kept"}'] == pytest.approx(0.0072)


def test_the_outcome_of_scoring_is_counted_once_for_each_request_that_was_scored() -> None:
    outcomes = list(ClassifierOutcome)
    series = _counted(*[a_receipt(classifier=outcome) for outcome in outcomes], a_receipt(classifier=None))
    for outcome in outcomes:
        assert series[f'tiergate_classifier_outcomes_total{{outcome="{outcome}"}}'] == 1


def test_batches_of_the_encoder_are_counted_with_the_wait_of_each_request() -> None:
    metrics = Metrics()
    metrics.observe_batch(BatchReport("cuda", (0.001, 0.0005, 0.0)))
    metrics.count_encoder_failure("cuda")
    series = read_series(metrics.render(), without=WORKER_LABEL)
    assert series['tiergate_encoder_batch_texts_sum{device="cuda"}'] == 3
    assert series['tiergate_encoder_batch_texts_count{device="cuda"}'] == 1
    assert series['tiergate_encoder_queue_wait_seconds_count{device="cuda"}'] == 3
    assert series['tiergate_encoder_failures_total{device="cuda"}'] == 1


def test_tokens_are_counted_by_kinds_that_do_not_overlap() -> None:
    usage = TokenUsage(100, 20, cached_input_tokens=30, reasoning_tokens=5, cache_write_tokens=20)
    series = _counted(a_receipt(usage=usage))
    labels = 'tier="small",model="small-model",tenant="search"'
    kinds = ("input", "cached_input", "cache_write")
    counted = {kind: series[f'tiergate_tokens_total{{kind="{kind}",{labels}}}'] for kind in kinds}
    assert counted == {"input": 50, "cached_input": 30, "cache_write": 20}
    assert series[f'tiergate_tokens_total{{kind="output",{labels}}}'] == 15
    assert series[f'tiergate_tokens_total{{kind="reasoning",{labels}}}'] == 5


def test_what_was_expected_of_servers_caches_stands_beside_what_they_reported() -> None:
    metrics = Metrics()
    failed = replace(an_attempt(failure=FailureKind.BROKEN), expected_cached_tokens=500)
    metrics.record(a_receipt(attempts=(failed, replace(an_attempt(), expected_cached_tokens=40))))
    metrics.record(a_receipt(attempts=(an_attempt(),), usage=TokenUsage(100, 20)))
    series = read_series(metrics.render(), without=WORKER_LABEL)
    assert {name: value for name, value in series.items() if "prefix_tokens" in name} == {
        'tiergate_prefix_tokens_total{kind="expected",tier="small"}': 40,
        'tiergate_prefix_tokens_total{kind="reported",tier="small"}': 30,
    }


def test_money_is_counted_in_whole_nano_dollars_and_told_in_dollars() -> None:
    series = _counted(*[a_receipt(charge_usd_nano=1, baseline_usd_nano=3)] * 10)
    labels = 'tier="small",model="small-model",tenant="search"'
    assert series[f"tiergate_cost_usd_total{{{labels}}}"] == 1e-8
    assert series[f"tiergate_baseline_cost_usd_total{{{labels}}}"] == 3e-8


def test_times_are_told_in_seconds() -> None:
    series = _counted(a_receipt(times=StageTimes(end_ms=90.25), external_ms=90.0))
    assert series['tiergate_request_duration_seconds_sum{tier="small",stream="false"}'] == pytest.approx(0.09025)
    assert series['tiergate_overhead_seconds_sum{stream="false"}'] == pytest.approx(0.00025)
    assert series['tiergate_overhead_seconds_bucket{stream="false",le="0.0003"}'] == 1
    assert series['tiergate_overhead_seconds_bucket{stream="false",le="0.0002"}'] == 0


def test_overhead_is_never_negative() -> None:
    series = _counted(a_receipt(times=StageTimes(end_ms=10.0), external_ms=10.5))
    assert series['tiergate_overhead_seconds_sum{stream="false"}'] == 0.0


def test_each_stage_that_was_reached_is_timed_from_the_end_of_the_one_before() -> None:
    times = StageTimes(0.1, 0.3, None, None, 1.0, 41.0, 100.0)
    series = _counted(a_receipt(times=times))
    spent = {stage: series[f'tiergate_stage_duration_seconds_sum{{stage="{stage}"}}'] for stage in ("admit", "decide")}
    assert spent == pytest.approx({"admit": 0.0001, "decide": 0.0007})
    assert series['tiergate_stage_duration_seconds_sum{stage="dispatch"}'] == pytest.approx(0.04)
    assert series['tiergate_stage_duration_seconds_sum{stage="relay"}'] == pytest.approx(0.059)
    assert 'tiergate_stage_duration_seconds_sum{stage="lookup"}' not in series


def test_a_stream_is_timed_by_the_token_after_its_first() -> None:
    times = StageTimes(first_content_ms=50.0, end_ms=150.0)
    series = _counted(a_receipt(stream=True, times=times, usage=TokenUsage(1, 11)))
    assert series['tiergate_time_to_first_token_seconds_sum{tier="small",stream="true"}'] == pytest.approx(0.05)
    assert series['tiergate_time_per_output_token_seconds_sum{tier="small"}'] == pytest.approx(0.01)


@pytest.mark.parametrize(("stream", "output_tokens"), [(False, 11), (True, 1)])
def test_no_time_a_token_without_a_stream_of_them(stream: bool, output_tokens: int) -> None:
    times = StageTimes(first_content_ms=50.0, end_ms=150.0)
    series = _counted(a_receipt(stream=stream, times=times, usage=TokenUsage(1, output_tokens)))
    assert 'tiergate_time_per_output_token_seconds_sum{tier="small"}' not in series


def test_attempts_and_the_fallbacks_between_them_are_counted() -> None:
    attempts = (
        an_attempt(1, "small", FailureKind.CONNECT),
        an_attempt(2, "small", FailureKind.TTFT, position=1),
        an_attempt(3, "large"),
    )
    series = _counted(a_receipt(attempts=attempts))
    assert series['tiergate_attempts_total{tier="small",failure="connect"}'] == 1
    assert series['tiergate_attempts_total{tier="large",failure=""}'] == 1
    assert series['tiergate_fallbacks_total{failure="connect",from_tier="small",to_tier="small"}'] == 1
    assert series['tiergate_fallbacks_total{failure="ttft",from_tier="small",to_tier="large"}'] == 1


@pytest.mark.parametrize(
    ("code", "limit"), [(ErrorCode.INSUFFICIENT_QUOTA, "budget"), (ErrorCode.RATE_LIMIT_EXCEEDED, "rate")]
)
def test_a_refusal_names_the_limit(code: ErrorCode, limit: str) -> None:
    series = _counted(a_receipt(outcome=Outcome.THROTTLED, error=code))
    assert series[f'tiergate_refusals_total{{limit="{limit}",tenant="search"}}'] == 1
    assert series[f'tiergate_errors_total{{code="{code}"}}'] == 1


def test_each_error_is_told_from_the_start_so_that_the_first_one_is_a_rise() -> None:
    told = read_series(Metrics().render(), without="worker")
    assert told == {f'tiergate_errors_total{{code="{code}"}}': 0 for code in ErrorCode}


def test_a_request_refused_at_the_door_has_empty_labels() -> None:
    refused = a_receipt(
        outcome=Outcome.CLIENT_REJECTED,
        error=ErrorCode.MODEL_NOT_FOUND,
        tenant=None,
        alias=ModelAlias("any string a client likes"),
        tier=None,
        served_model=None,
        decision=None,
        attempts=(),
        usage=NO_USAGE,
        charge_usd_nano=0,
        baseline_usd_nano=0,
        times=StageTimes(end_ms=0.1),
    )
    metrics = Metrics()
    metrics.record(refused)
    text = metrics.render()
    assert 'tiergate_requests_total{outcome="client_rejected",tier="",alias="",tenant="",worker="0"} 1' in text
    assert "any string" not in text
    assert "tokens_total{" not in text
    assert "usd_total{" not in text


def test_tenants_beyond_the_limit_share_one_label() -> None:
    metrics = Metrics(tenants_shown=2)
    for name in ("a", "b", "c", "d", "a"):
        metrics.record(a_receipt(tenant=TenantId(name)))
    series = read_series(metrics.render(), without=WORKER_LABEL)
    head = 'tiergate_requests_total{outcome="success_upstream",tier="small",alias="auto",tenant='
    assert {key[len(head) + 1 : -2]: value for key, value in series.items() if key.startswith(head)} == {
        "a": 2,
        "b": 1,
        OTHER: 2,
    }


def test_every_series_names_its_worker() -> None:
    metrics = Metrics("3")
    metrics.record(a_receipt())
    lines = [line for line in metrics.render().splitlines() if not line.startswith("#")]
    assert lines
    assert all('worker="3"' in line for line in lines)


def test_what_others_keep_is_read_at_every_scrape() -> None:
    metrics = Metrics()
    under_way = [0]
    metrics.read_from(names.IN_FLIGHT, lambda: [((), under_way[0])])
    for number in (3, 5):
        under_way[0] = number
        assert f'tiergate_requests_in_flight{{worker="0"}} {number}' in metrics.render()


def test_what_receipts_feed_cannot_be_read_from_elsewhere() -> None:
    for metric in (names.REQUESTS, names.DURATION):
        with pytest.raises(ValueError, match="counted here already"):
            Metrics().read_from(metric, list)
