"""Counts what happened, from receipts, and tells it in Prometheus' text format.

Each worker counts for itself, marked by the label `worker`. Whichever of them a scrape reaches puts the pages of all
together (`metrics_pages.py`).
"""

from collections.abc import Callable, Iterable

from gateway.adapters import metrics_names as names
from gateway.adapters import metrics_scoring_names as scoring
from gateway.adapters.encoder_batches import BatchReport
from gateway.adapters.metrics_batch import BatchFigures
from gateway.adapters.metrics_cells import Counts, Labels, Spread, head_lines, number_lines, spread_lines
from gateway.adapters.metrics_prefix_names import PREFIX_TOKENS
from gateway.adapters.metrics_semantic_names import SEMANTIC
from gateway.adapters.metrics_shape import Metric
from gateway.adapters.metrics_worker_names import LOOP_STALL
from gateway.domain.errors import ErrorCode
from gateway.domain.receipt import Receipt, StageTimes
from gateway.domain.usage import TokenUsage

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
TENANTS_SHOWN = 200
"""Each tenant costs a few dozen series; the policy may hold thousands."""
OTHER = "other"

_LIMIT_OF = {ErrorCode.INSUFFICIENT_QUOTA: "budget", ErrorCode.RATE_LIMIT_EXCEEDED: "rate"}
_STAGES = ("admit", "canonicalise", "lookup", "score", "decide", "dispatch", "relay")
_MS_PER_S = 1_000.0

ReadSamples = Callable[[], Iterable[tuple[Labels, float]]]


class Metrics:
    """The recorder behind `/metrics`."""

    def __init__(self, worker: str = "0", *, tenants_shown: int = TENANTS_SHOWN) -> None:
        self._worker = worker
        self._tenants_shown = tenants_shown
        self._tenants: dict[str, str] = {}
        self._read: dict[str, ReadSamples] = {}
        self._counts: dict[str, Counts] = {}
        self._spreads: dict[str, Spread] = {}
        self._requests = self._count(names.REQUESTS)
        self._errors = self._count(names.ERRORS)
        for code in ErrorCode:
            # From the start, so that the first one counts: of a series that begins at 1, nobody sees it rise.
            self._errors.add((code,), 0)
        self._refusals = self._count(names.REFUSALS)
        self._decisions = self._count(names.DECISIONS)
        self._removals = self._count(names.REMOVALS)
        self._conversations = self._count(names.CONVERSATION_TURNS)
        self._prefixes = self._count(names.CONVERSATION_PREFIX)
        self._scores = self._count(scoring.SCORES)
        self._acceptance = self._spread(scoring.ACCEPTANCE)
        self._classifier = self._count(scoring.CLASSIFIER_OUTCOMES)
        self._encoder_failures = self._count(scoring.ENCODER_FAILURES)
        self._cache = self._count(names.CACHE)
        self._semantic = self._count(SEMANTIC)
        self._attempts = self._count(names.ATTEMPTS)
        self._fallbacks = self._count(names.FALLBACKS)
        self._no_retry = self._count(names.NO_RETRY)
        self._tokens = self._count(names.TOKENS)
        self._cost = self._count(names.COST)
        self._baseline = self._count(names.BASELINE)
        self._waste = self._count(names.WASTE)
        self._prefix_tokens = self._count(PREFIX_TOKENS)
        self._duration = self._spread(names.DURATION)
        self._first_content = self._spread(names.FIRST_CONTENT)
        self._output_token = self._spread(names.OUTPUT_TOKEN)
        self._overhead = self._spread(names.OVERHEAD)
        stage = self._spread(names.STAGE)
        self._observe_stages = [stage.series((name,)).observe for name in _STAGES]
        self._batch = BatchFigures(self._count, self._spread)
        self._loop_stall = self._spread(LOOP_STALL)
        self._encoder_batch = self._spread(scoring.ENCODER_BATCH)
        self._encoder_wait = self._spread(scoring.ENCODER_WAIT)

    def record(self, receipt: Receipt) -> None:
        """Count a request that ended."""
        tenant = self._tenant_label(receipt.tenant or "")
        tier = receipt.tier or ""
        # What nothing was decided for may be any string a client sent; it must not become a series.
        alias = (receipt.alias or "") if receipt.tier or receipt.decision else ""
        self._requests.add((receipt.outcome, tier, alias, tenant))
        self._cache.add((receipt.cache,))
        if receipt.semantic is not None:
            self._semantic.add((receipt.semantic.end, receipt.semantic.bar or ""))
        if receipt.classifier is not None:
            self._classifier.add((receipt.classifier,))
        if receipt.error is not None:
            self._errors.add((receipt.error,))
            if receipt.error in _LIMIT_OF:
                self._refusals.add((_LIMIT_OF[receipt.error], tenant))
        self._record_decision(receipt, tenant)
        self._record_attempts(receipt)
        self._record_usage(receipt, (tier, receipt.served_model or "", tenant))
        if receipt.batch is None:
            self._record_times(receipt, tier)
        else:
            self._batch.record(receipt, tier, tenant)

    def observe_batch(self, report: BatchReport) -> None:
        """Count a batch that the encoder began."""
        device = (report.device,)
        self._encoder_batch.observe(device, len(report.waited_s))
        for waited_s in report.waited_s:
            self._encoder_wait.observe(device, waited_s)

    def observe_lag(self, lag_s: float) -> None:
        """Count how late a timer of the event loop came."""
        self._loop_stall.observe((), lag_s)

    def count_encoder_failure(self, device: str) -> None:
        """Count a pass through the encoder that failed."""
        self._encoder_failures.add((device,))

    def read_from(self, metric: Metric, read: ReadSamples) -> None:
        """Expose what others keep: `read` is asked at every scrape. For metrics that receipts do not feed."""
        if metric.name in self._counts or metric.name in self._spreads:
            raise ValueError(f"{metric.name} is counted here already")
        self._read[metric.name] = read

    def render(self) -> str:
        """Write everything in Prometheus' text format, in the table's order; families without series are left out."""
        lines: list[str] = []
        for metric in names.METRICS:
            series = list(self._series(metric))
            if series:
                lines += head_lines(metric)
                lines += series
        return "\n".join(lines) + "\n"

    def _series(self, metric: Metric) -> Iterable[str]:
        if metric.name in self._spreads:
            return spread_lines(self._spreads[metric.name], self._worker)
        if metric.name in self._counts:
            return number_lines(metric, self._counts[metric.name].samples().items(), self._worker)
        read = self._read.get(metric.name)
        return number_lines(metric, read(), self._worker) if read is not None else ()

    def _count(self, metric: Metric) -> Counts:
        return self._counts.setdefault(metric.name, Counts(metric))

    def _spread(self, metric: Metric) -> Spread:
        return self._spreads.setdefault(metric.name, Spread(metric))

    def _tenant_label(self, tenant: str) -> str:
        shown = self._tenants.get(tenant)
        if shown is None:
            shown = tenant if len(self._tenants) < self._tenants_shown else OTHER
            if shown is not OTHER:
                self._tenants[tenant] = shown
        return shown

    def _record_decision(self, receipt: Receipt, tenant: str) -> None:
        decision = receipt.decision
        if decision is None:
            return
        certified = "true" if decision.certified else "false"
        self._decisions.add((decision.route or "", decision.ladder[0], decision.reason, certified))
        for view in decision.views:
            self._acceptance.observe((view.tier,), view.p)
            if view.removed_by is not None:
                self._removals.add((view.tier, view.removed_by, tenant))
        self._scores.add((decision.score.scorer, "true" if decision.score.is_known else "false"))
        note = decision.conversation
        if note is not None:
            self._conversations.add((note.verdict,))
            if note.prefix_loss_usd_nano:
                self._prefixes.add((note.verdict,), note.prefix_loss_usd_nano)

    def _record_attempts(self, receipt: Receipt) -> None:
        before = None
        for attempt in receipt.attempts:
            self._attempts.add((attempt.tier, attempt.failure or ""))
            if attempt.waste_usd_nano:
                self._waste.add((attempt.tier, attempt.failure or ""), attempt.waste_usd_nano)
            if attempt.failure is None and attempt.expected_cached_tokens:
                self._prefix_tokens.add(("expected", attempt.tier), attempt.expected_cached_tokens)
            if before is not None and before.failure is not None:
                self._fallbacks.add((before.failure, before.tier, attempt.tier))
            before = attempt
        if before is not None and receipt.no_retry is not None:
            self._no_retry.add((before.tier, receipt.no_retry))

    def _record_usage(self, receipt: Receipt, labels: Labels) -> None:
        for kind, tokens in _by_kind(receipt.usage):
            if tokens:
                self._tokens.add((kind, *labels), tokens)
        if receipt.usage.cached_input_tokens:
            self._prefix_tokens.add(("reported", receipt.tier or ""), receipt.usage.cached_input_tokens)
        if receipt.charge_usd_nano:
            self._cost.add(labels, receipt.charge_usd_nano)
        if receipt.baseline_usd_nano:
            self._baseline.add(labels, receipt.baseline_usd_nano)

    def _record_times(self, receipt: Receipt, tier: str) -> None:
        times = receipt.times
        stream = "true" if receipt.stream else "false"
        self._duration.observe((tier, stream), times.end_ms / _MS_PER_S)
        self._overhead.observe((stream,), max(0.0, times.end_ms - receipt.external_ms) / _MS_PER_S)
        if times.first_content_ms is not None:
            self._first_content.observe((tier, stream), times.first_content_ms / _MS_PER_S)
            if receipt.stream and receipt.usage.output_tokens > 1:
                after_first_ms = times.end_ms - times.first_content_ms
                self._output_token.observe((tier,), after_first_ms / (receipt.usage.output_tokens - 1) / _MS_PER_S)
        self._record_stages(times)

    def _record_stages(self, times: StageTimes) -> None:
        """Count the time spent in each stage that was reached, from the end of the one before."""
        began_ms = 0.0
        ends = (
            times.admit_ms,
            times.canonicalise_ms,
            times.lookup_ms,
            times.score_ms,
            times.decide_ms,
            times.first_content_ms,
            None if times.first_content_ms is None else times.end_ms,
        )
        for observe, ended_ms in zip(self._observe_stages, ends, strict=True):
            if ended_ms is not None:
                observe((ended_ms - began_ms) / _MS_PER_S)
                began_ms = ended_ms


def _by_kind(usage: TokenUsage) -> tuple[tuple[str, int], ...]:
    return (
        ("input", usage.input_tokens - usage.cached_input_tokens - usage.cache_write_tokens),
        ("cached_input", usage.cached_input_tokens),
        ("cache_write", usage.cache_write_tokens),
        ("output", usage.output_tokens - usage.reasoning_tokens),
        ("reasoning", usage.reasoning_tokens),
    )
