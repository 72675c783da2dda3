"""The whole object graph on one screen: settings and a policy in, a service out. Nothing else builds these parts."""

import logging
from collections.abc import Callable

from gateway.adapters.artefact import shipped_artefact
from gateway.adapters.cache_figures import CacheFigures
from gateway.adapters.chance import RequestIds, uniform
from gateway.adapters.clock import SystemClock, later
from gateway.adapters.line_writer import LineWriter
from gateway.adapters.metrics import Metrics
from gateway.adapters.metrics_cache import expose_cache
from gateway.adapters.metrics_sources import expose_prefixes
from gateway.adapters.peers import Peers
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
from gateway.app.events import LogEvent, marked
from gateway.app.life import Life
from gateway.app.log_handler import STDERR, STDOUT, writer_to
from gateway.app.loop_keeping import LoopKeeping
from gateway.app.message_routes import message_routes
from gateway.app.policy_reading import compiler, read_artefact, read_policy
from gateway.app.scoring import Scoring
from gateway.app.semantic import JudgeMaker, make_semantic
from gateway.app.serve import Service
from gateway.app.settings import Settings
from gateway.app.stores import Stores, open_stores
from gateway.app.telemetry import make_telemetry
from gateway.app.telling import Telling, expose, expose_learning
from gateway.core.prefix_index import PrefixIndex
from gateway.core.prefix_share import PrefixShare
from gateway.domain.ids import RequestId
from gateway.pipeline.beginning import chosen_among
from gateway.pipeline.drive import Pipeline
from gateway.pipeline.flights import Flights
from gateway.pipeline.learn import Opinions
from gateway.pipeline.report import CacheReports
from gateway.pipeline.world import World
from gateway.ports import News, Recorder

log = logging.getLogger("tiergate")


def make_recorders(settings: Settings, lines: LineWriter, *others: Recorder) -> Recorders:
    """Put together who is told of requests that ended: these, and the log of requests if it is wanted."""
    return Recorders(*others) if settings.request_log == "off" else Recorders(*others, RequestLog(lines))


def make_service(settings: Settings, worker: int = 0, *, gather: Callable[..., Recorders] = make_recorders) -> Service:
    """Build everything for one worker; its number marks its metrics. Raises CannotStart.

    `gather` puts together who is told of requests that ended, in place of everybody who wants to be.
    """
    artefact = read_artefact(settings.artefacts)
    policy = read_policy(settings, artefact)
    clock, metrics = SystemClock(), Metrics(str(worker))
    transports = {"lean": LeanTransport(), "httpx": HttpxTransport()}
    directory = settings.artefacts or shipped_artefact()
    scoring = Scoring(policy.snapshot, directory, clock=clock, metrics=metrics, transport=transports["lean"])
    judged = JudgeMaker(clock, scoring.embedder_of)
    model = ArtefactInForce(artefact, policy, compiler=compiler, make_scorer=scoring.make, make_judges=judged)
    peers = Peers(settings.peers, worker)
    stores = open_stores(settings, clock, policy.snapshot.receipts, peers)
    lines, figures = writer_to(STDERR if settings.request_log == "stderr" else STDOUT), CacheFigures()
    telemetry = make_telemetry(settings, clock, metrics)
    diaries = () if settings.admin is None else (Diary(clock.wall_s()),)
    recorders = gather(settings, lines, metrics, figures, *diaries, *telemetry.recorders)
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
        place_in_trace=telemetry.place,
        trace_text=telemetry.keep_prompt,
    )
    opinions, reports = Opinions(world), CacheReports(world)
    expose(metrics, policy, world, lines, stores.ledger)
    expose_cache(metrics, figures, stores.cache, reports.counts)
    expose_learning(metrics, opinions, stores, model)
    keeping, prefixes = LoopKeeping(world, metrics), share_prefixes(metrics, world, stores)
    life = Life(settings, policy, model, scoring, world, stores, recorders, lines, telemetry, keeping, prefixes, peers)
    told = Telling(metrics, recorders, figures, peers)
    unreached = 0 if stores.redis is not None else settings.workers - 1
    routes = [*cold_routes(world, policy, told.scrape, opinions, model)]
    routes += cache_routes(world, reports, told.cache, unreached)
    routes += message_routes(world)
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
