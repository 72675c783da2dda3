"""The whole object graph on one screen: settings and a policy in, a service out. Nothing else builds these parts."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from starlette.applications import Starlette

from gateway.adapters.artefact import shipped_artefact
from gateway.adapters.artefact_watch import ArtefactWatch
from gateway.adapters.cache_figures import CacheFigures
from gateway.adapters.chance import RequestIds, uniform
from gateway.adapters.clock import SystemClock, later
from gateway.adapters.line_writer import LineWriter
from gateway.adapters.metrics import Metrics
from gateway.adapters.metrics_cache import expose_cache
from gateway.adapters.metrics_sources import expose_prefixes
from gateway.adapters.policy_watch import PolicyWatch
from gateway.adapters.recorders import Recorders
from gateway.adapters.request_log import RequestLog
from gateway.adapters.upstream_httpx import HttpxTransport
from gateway.adapters.upstream_lean import LeanTransport
from gateway.app.artefact_in_force import ArtefactInForce
from gateway.app.cache_routes import cache_routes
from gateway.app.cold_routes import cold_routes
from gateway.app.console.diary import Diary
from gateway.app.console.routes import console_routes
from gateway.app.console.sources import Sources, place_of
from gateway.app.door import create_app
from gateway.app.endpoint_watch import EndpointWatch
from gateway.app.events import LogEvent, marked
from gateway.app.load_watch import LoadWatch
from gateway.app.log_handler import STDERR, STDOUT, writer_to
from gateway.app.loop_keeping import LoopKeeping
from gateway.app.policy_in_force import PolicyInForce
from gateway.app.policy_reading import compiler, read_artefact, read_policy
from gateway.app.scoring import Scoring
from gateway.app.semantic import make_judge, make_semantic
from gateway.app.serve import Service
from gateway.app.settings import Settings
from gateway.app.stores import Stores, open_stores
from gateway.app.telling import Telling, expose, expose_learning
from gateway.core.prefix_index import PrefixIndex
from gateway.core.prefix_share import PrefixShare
from gateway.domain.ids import EndpointId, RequestId
from gateway.pipeline.beginning import chosen_among
from gateway.pipeline.drive import Pipeline
from gateway.pipeline.flights import Flights
from gateway.pipeline.learn import Opinions
from gateway.pipeline.report import CacheReports
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


def make_service(settings: Settings, worker: int = 0) -> Service:
    """Build everything for one worker; its number marks its metrics. Raises CannotStart."""
    artefact = read_artefact(settings.artefacts)
    policy = read_policy(settings, artefact)
    clock, metrics = SystemClock(), Metrics(str(worker))
    transports = {"lean": LeanTransport(), "httpx": HttpxTransport()}
    directory = settings.artefacts or shipped_artefact()
    scoring = Scoring(policy.snapshot, directory, clock=clock, metrics=metrics, transport=transports["lean"])
    judged = partial(make_judge, clock)
    model = ArtefactInForce(artefact, policy, compiler=compiler, make_scorer=scoring.make, make_judge=judged)
    stores = open_stores(settings, clock, policy.snapshot.receipts_kept)
    lines, figures = writer_to(STDERR if settings.request_log == "stderr" else STDOUT), CacheFigures()
    logs = () if settings.request_log == "off" else (RequestLog(lines),)
    diaries = () if settings.admin is None else (Diary(clock.wall_s()),)
    recorders = Recorders(metrics, *logs, figures, *diaries)
    world = World(
        policy=policy,
        clock=clock,
        new_request_id=RequestIds(),
        chance=uniform,
        later=later,
        scorers=model.scorers,
        cache=stores.cache,
        cache_master=stores.cache_master,
        semantic=make_semantic(stores, model.judges),
        flights=Flights(stores.cache.release),
        conversations=stores.conversations,
        ledger=stores.ledger,
        receipts=stores.receipts,
        answered=stores.answered,
        reservoir=stores.reservoir,
        records=stores.records,
        recorder=recorders,
        transports=transports,
        prefixes=PrefixIndex(tells=stores.redis is not None),
        report_fault=report_fault,
    )
    opinions, reports = Opinions(world), CacheReports(world)
    expose(metrics, policy, world, lines, stores.ledger)
    expose_cache(metrics, figures, stores.cache, reports.counts)
    expose_learning(metrics, opinions, stores, model)
    keeping, prefixes = LoopKeeping(world, metrics), share_prefixes(metrics, world, stores)
    life = Life(settings, policy, model, scoring, world, stores, recorders, lines, keeping, prefixes)
    told = Telling(metrics, recorders, figures)
    unreached = 0 if stores.redis is not None else settings.workers - 1
    routes = [*cold_routes(world, policy, told.scrape, opinions, model)]
    routes += cache_routes(world, reports, told.cache, unreached)
    for diary in diaries:
        place = place_of(settings, worker)
        routes += console_routes(Sources(world, policy, model, stores.ledger, figures, diary, recorders.drain, place))
    app = create_app(Pipeline(world), routes, lifespan=life.lifespan)
    return Service(app, lambda: policy.snapshot.limits, policy.snapshot.is_open, world.admission)


def share_prefixes(metrics: Metrics, world: World, stores: Stores) -> News:
    """Let workers tell each other where prompts' beginnings lie, and a scrape read how that goes."""
    policy, endpoints = world.policy, world.endpoints
    share = PrefixShare(world.prefixes, lambda: chosen_among(policy.snapshot.tiers.values(), endpoints))
    news = stores.prefix_news(share, world.clock)
    expose_prefixes(metrics, world.prefixes, news)
    return news


def report_fault(request_id: RequestId, fault: BaseException) -> None:
    """Log a fault of ours with its traceback."""
    facts = marked(LogEvent.FAULT, request_id=request_id)
    log.error("request %s: %s", request_id, fault, exc_info=fault, extra=facts)


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
    _keeping: LoopKeeping
    _prefixes: News

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
            await _end(renewing)
            await _end(probing)
            await _end(keeping)
            await _end(loads)
            await self._scoring.aclose()
            for transport in self._world.transports.values():
                await transport.aclose()
            await self._stores.aclose()
            self._recorders.drain()
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
