"""How a worker lives: what it does in the background from its start to its end."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

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
        watch = PolicyWatch(
            self._settings.policy, self._policy.source.content, self._on_change, _on_unreadable, calibrations_named
        )
        watching = asyncio.create_task(watch.run())
        flushing = asyncio.create_task(self._flush_log())
        listening = asyncio.create_task(self._stores.reservoir.listen())
        purges = asyncio.create_task(self._stores.cache.listen())
        news = self._stores.tier_news(self._world.slos, lambda: self._policy.snapshot.tiers.keys(), self._world.clock)
        sharing = asyncio.create_task(news.listen())
        semantic, labels = self._world.semantic, self._stores.hit_labels(self._world.semantic.proofs, self._world.clock)
        tailing = asyncio.create_task(semantic.index.listen())
        labelling = asyncio.create_task(labels.listen())
        finding = asyncio.create_task(self._prefixes.listen())
        meeting = asyncio.create_task(self._peers.listen())
        renewing = asyncio.create_task(self._watch_artefact())
        loads = asyncio.create_task(LoadWatch(self._world).run())
        probing = asyncio.create_task(EndpointWatch(self._world).run())
        keeping = asyncio.create_task(self._keeping.run())
        for task, lost in (
            (keeping, "the event loop is not watched"),
            (renewing, "new difficulty models are not seen"),
            (loads, "what model servers say of their load is not known"),
            (probing, "model servers that were given up are not brought back"),
            (watching, "edits of the policy are not seen"),
            (flushing, "request log lines come late"),
            (purges, "purges of the cache by other workers are not heard of, and kept answers cost a look each"),
            (listening, "labels of other workers are not seen"),
            (sharing, "what other workers see of tiers is not known here"),
            (tailing, "questions that other workers keep are not known here"),
            (labelling, "which semantic hits were right on other workers is not known here"),
            (meeting, "other workers are not told what this one keeps for itself"),
            (finding, "where other workers sent prompts is not known here"),
        ):
            task.add_done_callback(partial(_tell_failure, lost))
        try:
            yield
        finally:
            self._world.admission.drain()
            await _end(watching)
            await _end(flushing)
            await _end(listening)
            await _end(purges)
            await _end(sharing)
            await _end(tailing)
            await _end(labelling)
            await _end(finding)
            await _end(meeting)
            await _end(renewing)
            await _end(probing)
            await _end(keeping)
            await _end(loads)
            await self._scoring.aclose()
            for transport in self._world.transports.values():
                await transport.aclose()
            await self._stores.aclose()
            self._recorders.drain()
            await asyncio.to_thread(self._telemetry.close)
            await asyncio.to_thread(self._lines.close, _LOG_CLOSE_S)

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


async def _end(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.wait((task,))


def _tell_failure(lost: str, task: "asyncio.Task[None]") -> None:
    """Log at once what a background task that failed leaves undone until a restart."""
    if not task.cancelled() and task.exception() is not None:
        facts = marked(LogEvent.TASK_FAILED)
        log.error("%s until a restart: %s", lost, task.exception(), exc_info=task.exception(), extra=facts)
