"""Several recorders as one."""

import io

from gateway.adapters.line_writer import LineWriter
from gateway.adapters.metrics import Metrics
from gateway.adapters.recorders import BATCH_MAX, Recorders
from gateway.adapters.request_log import RequestLog
from tests.support.receipt_samples import a_receipt


def test_each_receipt_reaches_every_recorder_once_drained() -> None:
    metrics, stream = Metrics(), io.BytesIO()
    writer = LineWriter(stream.write)
    recorders = Recorders(metrics, RequestLog(writer))
    recorders.record(a_receipt())
    recorders.record(a_receipt())
    recorders.drain()
    recorders.drain()
    writer.close(10.0)
    assert 'tenant="search",worker="0"} 2' in metrics.render()
    assert stream.getvalue().count(b"\n") == 2


def test_a_full_batch_is_handed_on_by_itself() -> None:
    stream = io.BytesIO()
    writer = LineWriter(stream.write)
    recorders = Recorders(RequestLog(writer))
    for _ in range(BATCH_MAX):
        recorders.record(a_receipt())
    writer.close(10.0)
    assert stream.getvalue().count(b"\n") == BATCH_MAX
