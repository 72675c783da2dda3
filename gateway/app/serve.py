"""Serve in this process: uvicorn on uvloop, with the edge protocol, until a signal; then finish what runs."""

import asyncio
import gc
import logging
import pkgutil
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import parent_process
from multiprocessing.process import BaseProcess
from types import FrameType

from starlette.types import ASGIApp
from uvicorn import Config, Server

from gateway.adapters.clock import SystemClock
from gateway.app.edge_protocol import edge_protocol
from gateway.app.listening import BACKLOG, bind, bind_shared, port_of
from gateway.app.settings import EXIT_CANNOT_START, CannotStart, Settings
from gateway.app.supervise import Supervisor, Workplace
from gateway.domain.limits import EdgeLimits

_LOOK_S = 0.1
"""While requests finish, a second signal is noticed this soon."""

_FAREWELL_S = 5
"""How long requests that were cut off may take to say so to their clients and to settle."""

GC_THRESHOLDS = (10_000, 20, 50)
"""With CPython's 700, requests under way are looked through 20 times while they live: 28 µs of each request's CPU. At
ten thousand a young collection takes under a millisecond, and reference counting frees nearly everything before it."""

log = logging.getLogger("tiergate")


@dataclass(frozen=True, slots=True)
class Service:
    """What the composition root hands over. `limits_of` returns the limits in force, `is_open` tells whether callers
    need no key."""

    app: ASGIApp
    limits_of: Callable[[], EdgeLimits]
    is_open: bool


ServiceFactory = Callable[[Settings], Service]
"""Raises CannotStart."""


def serve(settings: Settings, factory: str, *, announce: Callable[[str], None] = log.info) -> int:
    """Serve until told to stop; return the exit code: 0 after a signal, 3 when the gateway cannot start.

    `factory` names a ServiceFactory as `module:attribute`, since each worker imports it for itself. `announce` is given
    the base URL once the first worker serves.
    """
    settings = settings.with_cache_secret()
    _configure_logging(settings.log_level)
    try:
        with bind(settings.host, settings.port, shared=settings.workers > 1) as held:

            def ready() -> None:
                announce(_base_url(settings.host, port_of(held)))

            if settings.workers == 1:
                return run_here(settings, factory, held, ready)
            place = Workplace(settings, factory, port_of(held))
            return Supervisor(place, run_worker, SystemClock(), ready).run()
    except CannotStart as problem:
        log.error("%s", problem)
        return EXIT_CANNOT_START


def run_worker(place: Workplace, on_ready: Callable[[], None]) -> None:
    """Serve as one of several processes; ends the process with its exit code."""
    settings = place.settings
    _configure_logging(settings.log_level)
    try:
        with bind_shared(settings.host, place.port) as listener:
            code = run_here(settings, place.factory, listener, on_ready, parent_process())
    except CannotStart as problem:
        log.error("%s", problem)
        code = EXIT_CANNOT_START
    sys.exit(code)


def run_here(
    settings: Settings,
    factory: str,
    listener: socket.socket,
    on_ready: Callable[[], None],
    supervisor: BaseProcess | None = None,
) -> int:
    """Serve on a bound socket; return the exit code. Raises CannotStart."""
    make: ServiceFactory = pkgutil.resolve_name(factory)
    service = make(settings)
    if service.is_open and not settings.is_loopback:
        raise CannotStart(
            f"The policy {settings.policy} declares no tenants, so anybody who reaches {settings.host} could use it. "
            "Declare a tenant with a key, or listen on this machine only with --host 127.0.0.1."
        )
    server = GracefulServer(server_config(service), settings.drain_s, on_ready, supervisor)
    try:
        server.run(sockets=[listener])
    except SystemExit:
        # uvicorn's way to say that the lifespan failed; it has logged why.
        return EXIT_CANNOT_START
    return 0


def server_config(service: Service) -> Config:
    """Configure uvicorn for the least work per request: what it would do for a request is done elsewhere or not."""
    return Config(
        service.app,
        http=edge_protocol(service.limits_of),
        ws="none",
        lifespan="on",
        interface="asgi3",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        workers=1,
        backlog=BACKLOG,
        timeout_graceful_shutdown=_FAREWELL_S,
    )


class GracefulServer(Server):
    """uvicorn's server: stops at the first signal, at once at the second, and when its supervisor is gone."""

    def __init__(
        self, config: Config, drain_s: float, on_ready: Callable[[], None], supervisor: BaseProcess | None
    ) -> None:
        super().__init__(config)
        self._drain_s = drain_s
        self._on_ready = on_ready
        self._supervisor = supervisor

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Note a signal. Ctrl-C reaches a whole process group: under a supervisor, it decides what that means."""
        if self._supervisor is not None and sig == signal.SIGINT:
            return
        self.force_exit = self.should_exit
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say so."""
        await super().startup(sockets)
        if not self.started:
            return
        # What exists by now stays: the collector need not look through it again and again.
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)
        self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop listening, let requests finish, cut off the rest and let it account for itself; then the lifespan ends.

        uvicorn by itself would close the stores while requests that it has just cancelled still settle with them.
        """
        for listening in self.servers:
            listening.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        await self._finish_requests()
        self.force_exit = False
        await super().shutdown(sockets)

    async def _finish_requests(self) -> None:
        loop = asyncio.get_running_loop()
        give_up_s = loop.time() + self._drain_s
        while (running := set(self.server_state.tasks)) and not self.force_exit and loop.time() < give_up_s:
            await asyncio.wait(running, timeout=_LOOK_S)
        if running:
            log.warning("Cutting off %d requests that still run.", len(running))
            for task in running:
                task.cancel()
            await asyncio.wait(running, timeout=_FAREWELL_S)
        for connection in list(self.server_state.connections):
            connection.transport.close()

    async def on_tick(self, counter: int) -> bool:
        """Tell, ten times a second, whether to stop."""
        if self._supervisor is not None and not self._supervisor.is_alive():
            self.should_exit = True
        return await super().on_tick(counter)


def _base_url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}/v1" if ":" in host else f"http://{host}:{port}/v1"


def _configure_logging(level: str) -> None:
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    log.setLevel(level.upper())
    # uvicorn tells at `info` what it does step by step.
    logging.getLogger("uvicorn").setLevel("INFO" if level == "debug" else "WARNING")
