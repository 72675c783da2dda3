"""What is told includes what waits to be recorded."""

from gateway.adapters.cache_figures import CacheFigures
from gateway.adapters.metrics import Metrics
from gateway.adapters.recorders import Recorders
from gateway.app.telling import Telling
from gateway.domain.ids import RouteName
from tests.support.receipt_samples import a_receipt


def test_what_waits_is_recorded_before_it_is_told() -> None:
    metrics, figures = Metrics(), CacheFigures()
    recorders = Recorders(metrics, figures)
    telling = Telling(metrics, recorders, figures)
    recorders.record(a_receipt(route=RouteName("balanced")))
    assert [row["requests"] for row in telling.cache()] == [{"miss": 1}]
    recorders.record(a_receipt(route=RouteName("balanced")))
    assert 'tiergate_cache_requests_total{result="miss",worker="0"} 2' in telling.scrape()
