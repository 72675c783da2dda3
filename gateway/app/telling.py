"""What a worker tells of itself: where a scrape reads what, and the texts that its routes answer with."""

from collections.abc import Sequence
from typing import Any, Final

from gateway.adapters import metrics_names
from gateway.adapters.cache_figures import CacheFigures
from gateway.adapters.ledger_watch import ObservedLedger, expose_ledger
from gateway.adapters.line_writer import LineWriter
from gateway.adapters.metrics import Metrics
from gateway.adapters.metrics_endpoints import expose_endpoints
from gateway.adapters.metrics_pages import merge
from gateway.adapters.metrics_semantic import expose_semantic
from gateway.adapters.metrics_sources import expose_number, expose_policy, expose_slos
from gateway.adapters.metrics_worker_names import WORKERS_TOLD
from gateway.adapters.peers import Peers
from gateway.adapters.recorders import Recorders
from gateway.app.artefact_in_force import ArtefactInForce
from gateway.app.policy_in_force import PolicyInForce
from gateway.app.stores import Stores
from gateway.domain.feedback import FeedbackOutcome
from gateway.pipeline.learn import Opinions
from gateway.pipeline.world import World

_METRICS: Final = "metrics"


class Telling:
    """Writes what recorders keep, with what waits to be recorded."""

    def __init__(self, metrics: Metrics, recorders: Recorders, figures: CacheFigures, peers: Peers) -> None:
        self._metrics = metrics
        self._recorders = recorders
        self._figures = figures
        self._peers = peers
        self._workers = 0
        peers.answers[_METRICS] = self._answer
        metrics.read_from(WORKERS_TOLD, lambda: [((), self._workers)] if self._workers else [])

    async def scrape(self) -> str:
        """Write the metrics of all workers in Prometheus' text format."""
        others = await self._peers.ask(_METRICS)
        self._workers = 1 + len(others)
        own = self._page()
        # Only whoever puts the page together says how many are on it.
        self._workers = 0
        return merge([own, *(page.decode() for page in others)]) if others else own

    def _page(self) -> str:
        self._recorders.drain()
        return self._metrics.render()

    async def _answer(self, rest: Sequence[str]) -> bytes:
        return self._page().encode()

    def cache(self) -> list[dict[str, Any]]:
        """Write what the cache gave and saved, by tenant and route."""
        self._recorders.drain()
        return self._figures.documents()


def expose(metrics: Metrics, policy: PolicyInForce, world: World, lines: LineWriter, ledger: ObservedLedger) -> None:
    """Let a scrape read what others keep."""
    expose_policy(metrics, lambda: policy.snapshot)
    expose_ledger(metrics, ledger)
    expose_endpoints(metrics, lambda: policy.snapshot, world.endpoints, world.clock.now_s)
    expose_semantic(metrics, world.semantic.proofs, world.semantic.index)
    expose_slos(metrics, lambda: policy.snapshot, world.slos, world.clock.now_s)
    expose_number(metrics, metrics_names.IN_FLIGHT, lambda: world.admission.in_flight)
    expose_number(metrics, metrics_names.LOG_LINES_LOST, lambda: lines.lost)
    expose_number(metrics, metrics_names.CACHE_WRITES_DROPPED, lambda: int(world.cache.stats().get("dropped", 0)))
    metrics.read_from(
        metrics_names.RELOADS,
        lambda: [(("accepted",), policy.reloads.accepted), (("refused",), policy.reloads.refused)],
    )


def expose_learning(metrics: Metrics, opinions: Opinions, stores: Stores, model: ArtefactInForce) -> None:
    """Let a scrape read what became of feedback, and of new difficulty models."""
    metrics.read_from(
        metrics_names.ARTEFACT_RELOADS,
        lambda: [(("accepted",), model.reloads.accepted), (("refused",), model.reloads.refused)],
    )
    metrics.read_from(
        metrics_names.FEEDBACK, lambda: [((outcome.value,), opinions.counts[outcome]) for outcome in FeedbackOutcome]
    )
    expose_number(metrics, metrics_names.LABELS, lambda: stores.reservoir.stats()["labels"])
    expose_number(metrics, metrics_names.RECORDS_LOST, lambda: stores.records.lost)
