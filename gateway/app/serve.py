"""Serve until a signal: uvicorn on uvloop with the edge protocol, in this process or in several."""

import logging
import pkgutil
import socket
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from multiprocessing import parent_process
from multiprocessing.process import BaseProcess

from starlette.types import ASGIApp
from uvicorn import Config

from gateway.adapters.clock import SystemClock
from gateway.app.edge_protocol import edge_protocol
from gateway.app.events import LogEvent, marked
from gateway.app.graceful import CLOSE_WITHIN_S, Departure, GracefulServer
from gateway.app.listening import BACKLOG, bind, bind_shared, meeting_place, port_of
from gateway.app.log_handler import configure
from gateway.app.setting_values import Address
from gateway.app.settings import EXIT_CANNOT_START, CannotStart, Settings
from gateway.app.supervise import Supervisor, Workplace
from gateway.core.admission import Admission
from gateway.domain.limits import EdgeLimits

log = logging.getLogger("tiergate")


_PORT_MAX = 65_535


@dataclass(frozen=True, slots=True)
class Service:
    """What the composition root hands over. `limits_of` returns the limits in force, `is_open` tells whether callers
    need no key, and `admission` is told when the worker goes away."""

    app: ASGIApp
    limits_of: Callable[[], EdgeLimits]
    is_open: bool
    admission: Admission = field(default_factory=Admission)


ServiceFactory = Callable[[Settings, int], Service]
"""Given the settings and the worker's number, 0 for the only one. Raises CannotStart."""


def serve(settings: Settings, factory: str, *, announce: Callable[[str], None] = log.info) -> int:
    """Serve until told to stop; return the exit code: 0 after a signal, 3 when the gateway cannot start.

    `factory` names a ServiceFactory as `module:attribute`, since each worker imports it for itself. `announce` is given
    the base URL once the first worker serves.
    """
    settings = settings.with_cache_secret()
    configure(settings.log_level, settings.log_format, 0 if settings.workers == 1 else None)
    try:
        _check_admin(settings)
        with bind(settings.host, settings.port, shared=settings.workers > 1) as held:

            def ready() -> None:
                announce(_base_url(settings.host, port_of(held)))

            if settings.workers == 1:
                return run_here(settings, factory, held, ready)
            with meeting_place() as peers:
                place = Workplace(replace(settings, peers=peers), factory, port_of(held))
                return Supervisor(place, run_worker, SystemClock(), ready).run()
    except CannotStart as problem:
        log.error("%s", problem, extra=marked(LogEvent.CANNOT_START))
        return EXIT_CANNOT_START


def run_worker(place: Workplace, on_ready: Callable[[], None]) -> None:
    """Serve as one of several processes; ends the process with its exit code."""
    settings = place.settings
    configure(settings.log_level, settings.log_format, place.number)
    try:
        with bind_shared(settings.host, place.port) as listener:
            code = run_here(settings, place.factory, listener, on_ready, parent_process(), place.number)
    except CannotStart as problem:
        log.error("%s", problem, extra=marked(LogEvent.CANNOT_START))
        code = EXIT_CANNOT_START
    sys.exit(code)


def run_here(
    settings: Settings,
    factory: str,
    listener: socket.socket,
    on_ready: Callable[[], None],
    supervisor: BaseProcess | None = None,
    number: int = 0,
) -> int:
    """Serve on a bound socket; return the exit code. Raises CannotStart."""
    make: ServiceFactory = pkgutil.resolve_name(factory)
    with ExitStack() as admin:
        sockets = [listener]
        if settings.admin is not None:
            sockets.append(admin.enter_context(_bind_admin(settings.admin, number)))
            admin_at = Address(settings.admin.host, port_of(sockets[-1]))
            settings = replace(settings, port=port_of(listener), admin=admin_at)
        service = make(settings, number)
        _refuse_if_anybody_could_use_it(service, settings)

        def serves() -> None:
            log.info("worker %d serves", number, extra=marked(LogEvent.WORKER_SERVING))
            on_ready()

        departure = Departure(settings.lame_duck_s, settings.drain_s)
        server = GracefulServer(server_config(service), departure, service.admission, serves, supervisor)
        try:
            server.run(sockets=sockets)
        except SystemExit:
            # uvicorn's way to say that the lifespan failed; it has logged why.
            return EXIT_CANNOT_START
    return 0


def _check_admin(settings: Settings) -> None:
    """Raise CannotStart where there is no port for the console of each worker."""
    admin, workers = settings.admin, settings.workers
    if admin is not None and workers > 1 and not 0 < admin.port <= _PORT_MAX - workers + 1:
        raise CannotStart(
            f"--admin needs {workers} ports in a row, one for the console of each worker: name the first, such as 8081."
        )


def _bind_admin(address: Address, number: int) -> socket.socket:
    """Bind a worker's own admin listener: which worker answers is then known by the port. Raises CannotStart."""
    bound = bind(address.host, address.port + max(0, number - 1), option="--admin")
    host = f"[{address.host}]" if ":" in address.host else address.host
    log.info("The console is at http://%s:%d/console.", host, port_of(bound))
    return bound


def _refuse_if_anybody_could_use_it(service: Service, settings: Settings) -> None:
    """Raise CannotStart for a gateway without keys that listens beyond this machine."""
    if service.is_open and not settings.is_loopback:
        raise CannotStart(
            f"The policy {settings.policy} declares no tenants, so anybody who reaches it could use it. "
            "Declare a tenant with a key, or listen on this machine only with --host 127.0.0.1 and no other --admin."
        )


def server_config(service: Service) -> Config:
    """Configure uvicorn for the least work per request: what it would do for a request is done elsewhere or not."""
    return Config(
        service.app,
        http=edge_protocol(service.limits_of, is_leaving=lambda: service.admission.is_leaving),
        ws="none",
        lifespan="on",
        interface="asgi3",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        workers=1,
        backlog=BACKLOG,
        timeout_graceful_shutdown=CLOSE_WITHIN_S,
    )


def _base_url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}/v1" if ":" in host else f"http://{host}:{port}/v1"
