"""What a collector is sent."""

from collections.abc import Iterator

import pytest

from gateway.adapters.genai_figures import GenAiFigures
from gateway.adapters.otel_sender import OtelSender
from gateway.domain.ids import RouteName
from gateway.domain.trace import Trace
from tests.support.collector import Collector, collecting, values
from tests.support.receipt_samples import a_receipt

TRACE = Trace("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", "b7ad6b7169203331", True, makes_spans=True)
ENDED = a_receipt(trace=TRACE, route=RouteName("balanced"))


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as running:
        yield running


@pytest.fixture
def sender(collector: Collector) -> Iterator[OtelSender]:
    sender = OtelSender(collector.endpoint + "/", "instance-1", lambda: 1_800_000_000.0)
    yield sender
    sender.close()


def test_spans_arrive_as_they_were_made(collector: Collector, sender: OtelSender) -> None:
    assert sender.send_spans([ENDED, a_receipt()], {ENDED.request_id: "What is asked?"})
    request, call = collector.trace(TRACE.trace_id)
    assert (request.span_id.hex(), request.parent_span_id.hex()) == (TRACE.span_id, TRACE.parent_id)
    assert (call.span_id.hex(), call.parent_span_id.hex()) == (TRACE.attempt_id(1), TRACE.span_id)
    assert values(request.attributes)["gen_ai.response.model"] == "small-model"
    assert values(request.attributes)["tiergate.prompt"] == "What is asked?"
    assert "tiergate.prompt" not in values(call.attributes)
    assert collector.resource["service.name"] == "tiergate"
    assert collector.resource["service.instance.id"] == "instance-1"


def test_the_services_name_is_the_operators_to_choose(monkeypatch: pytest.MonkeyPatch, collector: Collector) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "llm-edge")
    sender = OtelSender(collector.endpoint, "instance-1", lambda: 1_800_000_000.0)
    assert sender.send_spans([ENDED], {})
    sender.close()
    assert collector.resource["service.name"] == "llm-edge"


def test_figures_arrive_as_cumulative_histograms(collector: Collector, sender: OtelSender) -> None:
    figures = GenAiFigures()
    for _ in range(3):
        figures.record(ENDED)
    assert sender.send_figures(figures.copy())
    assert set(collector.metrics) == {
        "gen_ai.server.request.duration",
        "gen_ai.server.time_to_first_token",
        "gen_ai.client.token.usage",
    }
    duration = collector.metrics["gen_ai.server.request.duration"]
    (point,) = duration.histogram.data_points
    assert (duration.unit, duration.histogram.aggregation_temporality, point.count) == ("s", 2, 3)
    assert point.sum == pytest.approx(3 * 0.09025)
    assert list(point.bucket_counts)[4] == 3
    assert not point.HasField("min")
    assert values(point.attributes) == {
        "gen_ai.provider.name": "tiergate",
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "auto",
        "gen_ai.response.model": "small-model",
    }


def test_what_a_collector_refuses_was_not_taken(collector: Collector, sender: OtelSender) -> None:
    collector.status = 400
    assert not sender.send_spans([ENDED], {})
    assert not sender.send_figures(GenAiFigures().copy())
