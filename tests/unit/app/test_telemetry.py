"""What a worker sends to a collector."""

import logging
import subprocess
import sys

import pytest

from gateway.adapters.metrics import Metrics
from gateway.app.events import EVENT, FACTS
from gateway.app.settings import Settings, read_settings
from gateway.app.telemetry import FIGURES_EVERY_S, make_telemetry
from gateway.domain.ids import RouteName
from tests.support.clocks import ManualClock
from tests.support.collector import collecting
from tests.support.receipt_samples import a_receipt
from tests.support.waiting import eventually


def settings(endpoint: str, **overrides: object) -> Settings:
    return read_settings({"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint}, overrides)


def test_without_a_collector_nothing_is_recorded_for_one_and_traces_pass_through() -> None:
    metrics = Metrics()
    telemetry = make_telemetry(settings(""), ManualClock(), metrics)
    assert (telemetry.recorders, telemetry.place(None)) == ((), None)
    telemetry.tick()
    telemetry.close()
    assert 'tiergate_spans_lost_total{worker="0"} 0' in metrics.render()


async def test_spans_and_figures_are_sent_to_the_collector_and_the_last_of_them_at_the_end() -> None:
    clock = ManualClock()
    with collecting() as collector:
        telemetry = make_telemetry(settings(collector.endpoint, trace_sample="1"), clock, Metrics())
        ended = a_receipt(trace=telemetry.place(None), route=RouteName("balanced"))
        for recorder in telemetry.recorders:
            recorder.record(ended)
        telemetry.tick()
        clock.advance(FIGURES_EVERY_S)
        telemetry.tick()
        await eventually(lambda: "gen_ai.server.request.duration" in collector.metrics)
        for recorder in telemetry.recorders:
            recorder.record(ended)
        telemetry.close()
    assert ended.trace is not None
    assert [span.name for span in collector.trace(ended.trace.trace_id)] == ["chat auto", "chat"] * 2
    (point,) = collector.metrics["gen_ai.server.request.duration"].histogram.data_points
    assert point.count == 2


async def test_a_collector_that_refuses_is_told_once_and_what_is_lost_is_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    metrics = Metrics()
    with collecting() as collector:
        collector.status = 400
        telemetry = make_telemetry(settings(collector.endpoint, trace_sample="1"), ManualClock(), metrics)
        export = telemetry.export
        assert export is not None
        for lost in (1, 2):
            export.record(a_receipt(trace=telemetry.place(None)))
            await eventually(lambda lost=lost: export.lost == lost)  # type: ignore[misc] # lambdas have no types
        collector.status = 200
        telemetry.close()
    ours = [getattr(record, EVENT) for record in caplog.records if record.levelno >= logging.INFO]
    assert ours == ["telemetry_lost", "telemetry_back"]
    assert 'tiergate_spans_lost_total{worker="0"} 2' in metrics.render()


async def test_a_prompt_that_is_sent_is_told_in_the_log_without_a_word_of_it(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    silent = make_telemetry(settings(""), ManualClock(), Metrics())
    with collecting() as collector:
        telemetry = make_telemetry(settings(collector.endpoint, trace_sample="1"), ManualClock(), Metrics())
        sampled = a_receipt(trace=telemetry.place(None))
        silent.keep_prompt(sampled, "a secret question")
        telemetry.keep_prompt(a_receipt(), "a secret question")
        assert caplog.records == []
        telemetry.keep_prompt(sampled, "a secret question")
        for recorder in telemetry.recorders:
            recorder.record(sampled)
        telemetry.close()
    (told,) = caplog.records
    assert (getattr(told, EVENT), getattr(told, FACTS)) == ("prompt_sent", {"tenant": "search", "request_id": "r-1"})
    assert "secret" not in caplog.text
    assert b"a secret question" in b"".join(collector.raw)


_WITHOUT_THE_EXTRA = """
import sys
sys.modules["opentelemetry"] = None
from gateway.adapters.clock import SystemClock
from gateway.adapters.metrics import Metrics
from gateway.app.settings import read_settings
from gateway.app.telemetry import make_telemetry
settings = read_settings({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}, {})
make_telemetry(settings, SystemClock(), Metrics())
"""


def test_without_the_extra_the_gateway_says_how_to_install_it() -> None:
    done = subprocess.run([sys.executable, "-c", _WITHOUT_THE_EXTRA], capture_output=True, text=True, check=False)
    assert "CannotStart: OTEL_EXPORTER_OTLP_ENDPOINT needs opentelemetry" in done.stderr
    assert "pip install 'tiergate[otel]'" in done.stderr
