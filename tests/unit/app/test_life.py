"""What a worker does from its start to its end."""

from pathlib import Path

import httpx

from gateway.app.wiring import make_service
from tests.support.collector import collecting, values
from tests.support.fault_server import FaultServer
from tests.support.services import running, settings, write_policy

BODY = {"model": "auto", "messages": [{"role": "user", "content": "hi"}]}
CALLER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


async def test_a_worker_sends_what_it_has_for_a_collector_before_it_ends(tmp_path: Path) -> None:
    with collecting() as collector:
        async with FaultServer() as server:
            write_policy(tmp_path / "p.yaml", server.origin)
            app = make_service(settings(tmp_path / "p.yaml", otlp_endpoint=collector.endpoint)).app
            async with running(app) as client:
                answer = await client.post("/v1/chat/completions", json=BODY, headers={"traceparent": CALLER})
                receipt = await _receipt(client, answer)
        (asked,) = [dict(seen.headers)[b"traceparent"].decode() for seen in server.requests]
    request, call = collector.trace(CALLER.split("-")[1])
    assert receipt["trace"]["span_id"] == request.span_id.hex()
    assert (request.parent_span_id.hex(), call.parent_span_id) == (CALLER.split("-")[2], request.span_id)
    assert asked == f"00-{call.trace_id.hex()}-{call.span_id.hex()}-01"
    assert values(request.attributes)["tiergate.request_id"] == answer.headers["x-tiergate-request-id"]
    (point,) = collector.metrics["gen_ai.server.request.duration"].histogram.data_points
    assert point.count == 1


async def _receipt(client: httpx.AsyncClient, answer: httpx.Response) -> dict[str, dict[str, str]]:
    told: dict[str, dict[str, str]] = (
        await client.get("/v1/receipts/" + answer.headers["x-tiergate-request-id"])
    ).json()
    return told
