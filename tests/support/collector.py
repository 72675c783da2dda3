"""A collector: takes spans and metrics by OTLP over HTTP, and reads them as OpenTelemetry's protocol has them."""

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.trace.v1.trace_pb2 import Span


@dataclass(slots=True)
class Collector:
    """What came. `raw` is every body as it was sent, after gzip; `status` is what posts are answered."""

    endpoint: str = ""
    status: int = 200
    raw: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    metrics: dict[str, Metric] = field(default_factory=dict)
    """The last of each name."""
    resource: dict[str, Any] = field(default_factory=dict)

    def take(self, path: str, body: bytes) -> None:
        """Read a message."""
        self.raw.append(body)
        if path == "/v1/traces":
            for spans in ExportTraceServiceRequest.FromString(body).resource_spans:
                self.resource = values(spans.resource.attributes)
                self.spans += [span for scope in spans.scope_spans for span in scope.spans]
        else:
            assert path == "/v1/metrics"
            for metrics in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                self.resource = values(metrics.resource.attributes)
                self.metrics |= {metric.name: metric for scope in metrics.scope_metrics for metric in scope.metrics}

    def trace(self, trace_id: str) -> list[Span]:
        """Return the spans of one trace."""
        return [span for span in self.spans if span.trace_id.hex() == trace_id]


@contextmanager
def collecting() -> Iterator[Collector]:
    """Listen on a free port."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            collector.headers.append({name.lower(): value for name, value in self.headers.items()})
            if collector.status == 200:
                collector.take(self.path, body)
            self.send_response(collector.status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    collector.endpoint = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield collector
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def values(attributes: Any) -> dict[str, Any]:
    """Read attributes."""
    pairs: list[KeyValue] = list(attributes)
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(each) for each in value.array_value.values]
    return None if kind is None else getattr(value, kind)
