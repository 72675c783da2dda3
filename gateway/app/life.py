"""How a worker lives: what it does in the background from its start to its end."""

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from starlette.applications import Starlette

from gateway.adapters.artefact_watch import ArtefactWatch
from gateway.adapters.line_writer import LineWriter
from gateway.adapters.peers import Peers
from gateway.adapters.policy_watch import PolicyWatch
from gateway.adapters.recorders import Recorders
from gateway.app.artefact_in_force import ArtefactInForce
from gateway.app.endpoint_watch import EndpointWatch
from gateway.app.events import LogEvent, marked
from gateway.app.load_watch import LoadWatch
from gateway.app.loop_keeping import LoopKeeping
from gateway.app.policy_in_force import PolicyInForce
from gateway.app.scoring import Scoring
from gateway.app.settings import Settings
from gateway.app.stores import Stores
from gateway.app.telemetry import Telemetry
from gateway.domain.ids import EndpointId
from gateway.pipeline.world import World
from gateway.policy.problems import render
from gateway.policy.references import calibrations_named
from gateway.policy.snapshot import PolicySnapshot
from gateway.policy.source import PolicySource
from gateway.ports import News

log = logging.getLogger("tiergate")

_LOG_FLUSH_S = 0.2
"""A quiet gateway's lines are seen this soon."""
_LOG_CLOSE_S = 1.0
"""How long the last lines may take where nobody reads them."""


@dataclass(slots=True)
class Life:
    """Start and end of a worker, in order: the watch on the policy first, the stores last."""

    _settings: Settings
    _policy: PolicyInForce
    _model: ArtefactInForce
    _scoring: Scoring
    _world: World
    _stores: Stores
    _recorders: Recorders
    _lines: LineWriter
    _telemetry: Telemetry
    _keeping: LoopKeeping
    _prefixes: News
    _peers: Peers

    @asynccontextmanager
    async def lifespan(self, app: Starlette) -> AsyncIterator[None]:
        """Run while the server runs."""
        tasks = [_begin(doing, lost) for doing, lost in self._background()]
        try:
            yield
        finally:
            self._world.admission.drain()
            for task in tasks:
                await _end(task)
            await self._scoring.aclose()
            for transport in self._world.transports.values():
                await transport.aclose()
            await self._stores.aclose()
            self._recorders.drain()
            await asyncio.to_thread(self._telemetry.close)
            await asyncio.to_thread(self._lines.close, _LOG_CLOSE_S)

    def _background(self) -> Iterator[tuple[Coroutine[Any, Any, None], str]]:
        """Yield what is done in the background, and what is lost if it fails, in the order in which it ends."""
        policy, world, stores = self._policy, self._world, self._stores
        watch = PolicyWatch(
            self._settings.policy, policy.source.content, self._on_change, _on_unreadable, calibrations_named
        )
        news = stores.tier_news(world.slos, lambda: policy.snapshot.tiers.keys(), world.clock)
        labels = stores.hit_labels(world.semantic.proofs, world.clock)
        yield watch.run(), "edits of the policy are not seen"
        yield self._flush_log(), "request log lines come late"
        yield stores.reservoir.listen(), "labels of other workers are not seen"
        lost = "purges of the cache by other workers are not heard of, and kept answers cost a look each"
        yield stores.cache.listen(), lost
        yield news.listen(), "what other workers see of tiers is not known here"
        yield world.semantic.index.listen(), "questions that other workers keep are not known here"
        yield labels.listen(), "which semantic hits were right on other workers is not known here"
        yield self._prefixes.listen(), "where other workers sent prompts is not known here"
        yield self._peers.listen(), "other workers are not told what this one keeps for itself"
        yield self._watch_artefact(), "new difficulty models are not seen"
        yield EndpointWatch(world).run(), "model servers that were given up are not brought back"
        yield self._keeping.run(), "the event loop is not watched"
        yield LoadWatch(world).run(), "what model servers say of their load is not known"

    async def _on_change(self, content: bytes) -> None:
        source = PolicySource(str(self._settings.policy), content)
        # Compiling takes tenths of a second: off the event loop, where it would hold up every stream.
        if await asyncio.to_thread(self._policy.offer, source):
            self._world.endpoints.forget_all_but(_endpoint_ids(self._policy.snapshot))
            self._world.retries.forget_all_but(self._policy.snapshot.tiers)
            self._world.storms.forget_all_but(self._policy.snapshot.tiers.keys())
            self._world.slos.forget_all_but(self._policy.snapshot.tiers.keys())
            self._world.hedges.forget_all_but(self._policy.snapshot.routes)
            in_force = self._policy.snapshot.id
            log.info("policy %s is in force", in_force, extra=marked(LogEvent.POLICY_TAKEN, snapshot=in_force))
        else:
            in_force, problems = self._policy.snapshot.id, render(self._policy.problems)
            facts = marked(LogEvent.POLICY_REFUSED, snapshot=in_force, count=len(self._policy.problems))
            log.error("the policy was not taken; %s stays in force\n%s", in_force, problems, extra=facts)

    async def _watch_artefact(self) -> None:
        """Watch the directory that the settings name; the packaged model does not change under a running gateway."""
        if self._settings.artefacts is not None:
            await ArtefactWatch(self._settings.artefacts, partial(self._renew, self._settings.artefacts)).run()

    async def _renew(self, directory: Path) -> None:
        refused = self._model.reloads.refused
        if await self._model.offer(directory):
            manifest = self._model.artefact.manifest
            facts = marked(LogEvent.MODEL_TAKEN, model=f"{manifest.name} {manifest.version}")
            log.info("difficulty model %s %s is in force", manifest.name, manifest.version, extra=facts)
        elif self._model.reloads.refused > refused:
            told = "the difficulty model was not taken; the one before stays in force: %s"
            log.error(told, self._model.problem, extra=marked(LogEvent.MODEL_REFUSED))

    async def _flush_log(self) -> None:
        while True:
            await asyncio.sleep(_LOG_FLUSH_S)
            self._recorders.drain()
            self._lines.flush()
            self._telemetry.tick()
            if self._stores.records.waits:
                await asyncio.to_thread(self._stores.records.flush)


def _endpoint_ids(snapshot: PolicySnapshot) -> frozenset[EndpointId]:
    return frozenset(endpoint.id for tier in snapshot.tiers.values() for endpoint in tier.endpoints)


def _on_unreadable(trouble: str) -> None:
    log.error("%s; the policy in force stays", trouble, extra=marked(LogEvent.POLICY_REFUSED))


def _begin(doing: Coroutine[Any, Any, None], lost: str) -> "asyncio.Task[None]":
    """Do something until it is ended. Should it fail, what is lost is logged at once."""
    task = asyncio.create_task(doing)
    task.add_done_callback(partial(_tell_failure, lost))
    return task


async def _end(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.wait((task,))


def _tell_failure(lost: str, task: "asyncio.Task[None]") -> None:
    """Log at once what a background task that failed leaves undone until a restart."""
    if not task.cancelled() and task.exception() is not None:
        facts = marked(LogEvent.TASK_FAILED)
        log.error("%s until a restart: %s", lost, task.exception(), exc_info=task.exception(), extra=facts)
