"""What is told includes what waits to be recorded, and what other workers have to tell."""

import asyncio
from pathlib import Path

from gateway.adapters.cache_figures import CacheFigures
from gateway.adapters.metrics import Metrics
from gateway.adapters.peers import Peers
from gateway.adapters.recorders import Recorders
from gateway.app.telling import Telling
from gateway.domain.ids import RouteName
from tests.support.receipt_samples import a_receipt
from tests.support.waiting import eventually


async def test_what_waits_is_recorded_before_it_is_told() -> None:
    metrics, figures = Metrics(), CacheFigures()
    recorders = Recorders(metrics, figures)
    telling = Telling(metrics, recorders, figures, Peers(None, 0))
    recorders.record(a_receipt(route=RouteName("balanced")))
    assert [row["requests"] for row in telling.cache()] == [{"miss": 1}]
    recorders.record(a_receipt(route=RouteName("balanced")))
    page = await telling.scrape()
    assert 'tiergate_cache_requests_total{result="miss",worker="0"} 2' in page
    assert 'tiergate_scrape_workers{worker="0"} 1' in page


async def test_whichever_worker_is_asked_tells_of_all(tmp_path: Path) -> None:
    peers = [Peers(tmp_path, number, within_s=10.0) for number in (1, 2)]
    tasks = [asyncio.create_task(each.listen()) for each in peers]
    await eventually(lambda: all(each.is_listening for each in peers))
    telling = []
    for number, peer in enumerate(peers, 1):
        metrics = Metrics(str(number))
        recorders = Recorders(metrics)
        telling.append(Telling(metrics, recorders, CacheFigures(), peer))
        for _ in range(number):
            recorders.record(a_receipt())
    for number, each in enumerate(telling, 1):
        page = await each.scrape()
        for worker in (1, 2):
            assert f'tiergate_cache_requests_total{{result="miss",worker="{worker}"}} {worker}' in page
        assert [line for line in page.splitlines() if line.startswith("tiergate_scrape_workers")] == [
            f'tiergate_scrape_workers{{worker="{number}"}} 2'
        ]
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
