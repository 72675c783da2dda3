"""Several recorders as one."""

import io

from gateway.adapters.metrics import Metrics
from gateway.adapters.recorders import Recorders
from gateway.adapters.request_log import RequestLog
from tests.support.receipt_samples import a_receipt


def test_each_receipt_reaches_every_recorder() -> None:
    metrics, stream = Metrics(), io.BytesIO()
    recorders = Recorders(metrics, RequestLog(stream))
    recorders.record(a_receipt())
    recorders.record(a_receipt())
    assert 'tenant="search",worker="0"} 2' in metrics.render()
    assert stream.getvalue().count(b"\n") == 2
