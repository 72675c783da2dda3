"""What a signal means to a worker, alone and under a supervisor. Whole departures are in tests/e2e/test_drain.py."""

import signal
from multiprocessing import current_process
from multiprocessing.process import BaseProcess

from uvicorn import Config

from gateway.app.door import create_app
from gateway.app.graceful import Departure, GracefulServer
from gateway.core.admission import Admission, Stage
from tests.e2e.edge_service import tell_pid


def a_server(
    admission: Admission, *, lame_duck_s: float = 60.0, supervisor: BaseProcess | None = None
) -> GracefulServer:
    server = GracefulServer(
        Config(create_app(tell_pid, [])), Departure(lame_duck_s, 0.0), admission, lambda: None, supervisor
    )
    server.started = True
    return server


async def test_a_worker_told_to_stop_goes_on_as_a_lame_duck() -> None:
    admission = Admission()
    server = a_server(admission)
    server.handle_exit(signal.SIGTERM, None)
    assert not await server.on_tick(1)
    assert not await server.on_tick(2)
    assert admission.stage is Stage.LAME_DUCK


async def test_without_a_lame_duck_time_it_stops_listening_at_the_next_tick() -> None:
    server = a_server(Admission(), lame_duck_s=0.0)
    assert not await server.on_tick(1)
    server.handle_exit(signal.SIGTERM, None)
    assert await server.on_tick(2)
    assert not server.force_exit


async def test_a_second_signal_waits_for_nothing() -> None:
    server = a_server(Admission())
    server.handle_exit(signal.SIGTERM, None)
    server.handle_exit(signal.SIGTERM, None)
    assert server.force_exit
    assert await server.on_tick(1)


async def test_ctrl_c_skips_the_lame_duck_time() -> None:
    server = a_server(Admission())
    server.handle_exit(signal.SIGINT, None)
    assert await server.on_tick(1)


async def test_under_a_supervisor_ctrl_c_shortens_the_stop_and_does_not_order_it() -> None:
    server = a_server(Admission(), supervisor=current_process())
    server.handle_exit(signal.SIGINT, None)
    assert not await server.on_tick(1)
    server.handle_exit(signal.SIGTERM, None)
    assert await server.on_tick(2)
    assert not server.force_exit


async def test_a_worker_that_nobody_knows_of_yet_ends_at_once() -> None:
    server = a_server(Admission())
    server.started = False
    server.handle_exit(signal.SIGTERM, None)
    assert server.should_exit
