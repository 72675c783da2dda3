"""What a worker sends to a collector, where the settings name one."""

import logging
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from uuid import uuid4

from gateway.adapters.genai_figures import GenAiFigures
from gateway.adapters.metrics import Metrics
from gateway.adapters.metrics_sources import expose_number
from gateway.adapters.metrics_worker_names import SPANS_LOST
from gateway.adapters.telemetry_export import Sender, SpanExport
from gateway.adapters.trace_ids import TraceIds
from gateway.app.events import LogEvent, marked
from gateway.app.settings import CannotStart, Settings
from gateway.domain.receipt import Receipt
from gateway.domain.trace import Trace
from gateway.ports import Clock, Recorder

log = logging.getLogger("tiergate")

FIGURES_EVERY_S: Final = 60.0
"""As often as OpenTelemetry's own readers send them."""
_CLOSE_S: Final = 2.0
"""How long the last message may take where the collector does not answer."""
MakeSender = Callable[[str, str, Callable[[], float]], Sender]


def _the_callers(caller: Trace | None) -> Trace | None:
    """Pass on what came."""
    return caller


@dataclass(slots=True)
class Telemetry:
    """Where requests are recorded for a collector, and what is asked for ids; nothing of either where there is none."""

    clock: Clock
    export: SpanExport | None = None
    figures: GenAiFigures | None = None
    place: Callable[[Trace | None], Trace | None] = _the_callers
    """Gives a request its place in a trace."""
    _figures_due_s: float = 0.0

    @property
    def recorders(self) -> tuple[Recorder, ...]:
        """Return who counts requests for the collector."""
        return tuple(each for each in (self.export, self.figures) if each is not None)

    def keep_prompt(self, receipt: Receipt, prompt: str) -> None:
        """Send a prompt with the request's spans, and say so in the log. There is nothing of it in that line."""
        if self.export is not None and self.export.keep_prompt(receipt, prompt):
            facts = marked(LogEvent.PROMPT_SENT, tenant=receipt.tenant or "", request_id=receipt.request_id)
            told = "the prompt of request %s of tenant %s goes to the collector"
            log.warning(told, receipt.request_id, receipt.tenant, extra=facts)

    def tick(self) -> None:
        """Hand figures over when it is time to; call it now and then."""
        now_s = self.clock.now_s()
        if self.export is not None and self.figures is not None and now_s >= self._figures_due_s:
            self._figures_due_s = now_s + FIGURES_EVERY_S
            self.export.offer(self.figures.copy())

    def close(self) -> None:
        """Send what is still to be sent, within bounds. Blocks."""
        if self.export is not None and self.figures is not None:
            self.export.offer(self.figures.copy())
            self.export.close(_CLOSE_S)


def make_telemetry(settings: Settings, clock: Clock, metrics: Metrics) -> Telemetry:
    """Build what the settings ask for. Raises CannotStart where it needs what is not installed."""
    if settings.otlp_endpoint is None:
        expose_number(metrics, SPANS_LOST, lambda: 0)
        return Telemetry(clock)
    try:
        make_sender: MakeSender = pkgutil.resolve_name("gateway.adapters.otel_sender:OtelSender")
    except ModuleNotFoundError as error:
        message = f"OTEL_EXPORTER_OTLP_ENDPOINT needs {error.name}. Run: pip install 'tiergate[otel]'"
        raise CannotStart(message) from error
    # Its exporters log each message that was not taken, with a traceback; the change of state is told here, once.
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
    sender = make_sender(settings.otlp_endpoint, uuid4().hex, clock.wall_s)
    export = SpanExport(sender, slow_s=settings.trace_slow_s, tell=_tell)
    expose_number(metrics, SPANS_LOST, lambda: export.lost)
    begin = TraceIds(settings.trace_sample).begin
    return Telemetry(clock, export, GenAiFigures(), begin, clock.now_s() + FIGURES_EVERY_S)


def _tell(is_taken: bool) -> None:
    if is_taken:
        log.info("the collector takes telemetry again", extra=marked(LogEvent.TELEMETRY_BACK))
    else:
        log.warning("the collector does not take telemetry: it is dropped", extra=marked(LogEvent.TELEMETRY_LOST))
