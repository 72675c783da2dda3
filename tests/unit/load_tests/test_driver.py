"""The driver against the simulated server, and its sums on a clock that the test holds."""

import asyncio
from dataclasses import replace

import pytest

from load_tests.answers import MARKER, fault_reply, plain_reply
from load_tests.bodies import BodyKind, request_body
from load_tests.driver import Connection, Driver, Pacer
from load_tests.model_server import monotonic_us
from load_tests.plan import Plan
from load_tests.simulation import Behaviour
from load_tests.tally import Report
from tests.unit.load_tests.serving import serving

PLAN = Plan(
    port=1, body=request_body(BodyKind()), connections=4, duration_s=30.0, max_requests=40, marker=MARKER.encode()
)
STREAM_PLAN = replace(PLAN, body=request_body(BodyKind(chunk_delay_us=0, max_tokens=5)), stream=True)


async def _load(plan: Plan, port: int) -> Report:
    return await Driver(replace(plan, port=port), monotonic_us).run()


async def test_a_closed_loop_counts_every_good_reply() -> None:
    async with serving(Behaviour()) as served:
        report = await _load(PLAN, served.port)
    assert (report.good, report.bad, report.first_bad) == (40, 0, "")
    assert served.stats.requests == 40
    assert served.stats.connections == 4
    assert report.latency_us is not None
    assert report.latency_us.n == 40
    assert report.unanswered == 0


async def test_a_503_is_a_bad_reply_and_is_shown() -> None:
    async with serving(Behaviour(fail_every=10)) as served:
        report = await _load(PLAN, served.port)
    assert (report.good, report.bad) == (36, 4)
    assert report.first_bad.startswith('503 {"error"')
    assert report.latency_us is not None
    assert report.latency_us.n == 36


async def test_a_503_is_a_request_turned_away_where_that_may_be() -> None:
    async with serving(Behaviour(fail_every=10)) as served:
        report = await _load(replace(PLAN, may_be_shed=True), served.port)
    assert (report.good, report.bad, report.shed, report.shed_unexplained) == (36, 0, 4, 4)
    assert report.shed_us is not None
    assert report.shed_us.n == 4


async def test_an_answer_without_the_marker_is_a_bad_reply() -> None:
    async with serving(Behaviour()) as served:
        report = await _load(replace(PLAN, marker=b"another-marker"), served.port)
    assert (report.good, report.bad) == (0, 40)


async def test_a_stream_counts_its_stamped_chunks_and_first_tokens() -> None:
    async with serving(Behaviour(obey_body=True)) as served:
        report = await _load(STREAM_PLAN, served.port)
    assert (report.good, report.bad, report.chunks) == (40, 0, 200)
    assert report.first_token_us is not None
    assert report.chunk_delay_us is not None
    assert report.first_token_us.n == 40
    assert report.chunk_delay_us.n == 200
    assert served.stats.streams == 40


async def test_a_plain_answer_where_a_stream_was_due_is_a_bad_reply() -> None:
    async with serving(Behaviour()) as served:
        report = await _load(replace(PLAN, stream=True), served.port)
    assert (report.good, report.bad) == (0, 40)


async def test_an_open_loop_sends_what_is_due_and_nothing_more() -> None:
    async with serving(Behaviour()) as served:
        report = await _load(replace(PLAN, rate_per_s=2_000.0), served.port)
    assert (report.good, report.bad) == (40, 0)
    assert served.stats.requests == 40


async def test_a_warm_up_is_not_recorded() -> None:
    async with serving(Behaviour()) as served:
        report = await _load(replace(PLAN, warmup_s=20.0), served.port)
    assert (report.good, report.bad, report.latency_us) == (0, 0, None)
    assert served.stats.requests == 40


async def test_a_connection_cut_off_is_bad_and_opened_again() -> None:
    async def cut_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf")
        writer.close()

    server = await asyncio.start_server(cut_off, "127.0.0.1", 0)
    async with server:
        plan = replace(PLAN, connections=1, max_requests=3)
        report = await _load(plan, server.sockets[0].getsockname()[1])
    assert (report.good, report.bad, report.reconnects) == (0, 3, 2)
    assert report.first_bad.startswith("connection lost")


async def test_a_server_that_goes_away_ends_the_load_with_its_error() -> None:
    async def refuse_the_next(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.close()
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(refuse_the_next, "127.0.0.1", 0)
    plan = replace(PLAN, connections=1)
    with pytest.raises(OSError, match="refused"):
        await _load(plan, server.sockets[0].getsockname()[1])


async def test_a_server_that_says_close_is_asked_again_on_another_connection() -> None:
    body = plain_reply("m", 50).partition(b"\r\n\r\n")[2]
    head = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(body)

    async def close_after_each(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head + body)
        await reader.read()
        writer.close()

    server = await asyncio.start_server(close_after_each, "127.0.0.1", 0)
    async with server:
        report = await _load(
            replace(PLAN, connections=2, max_requests=6, body=b"{}"), server.sockets[0].getsockname()[1]
        )
    assert (report.good, report.bad) == (6, 0)


class HandClock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = 1_000_000

    def __call__(self) -> int:
        return self.now


async def test_open_loop_latency_counts_from_the_due_time() -> None:
    clock = HandClock()
    driver = Driver(replace(PLAN, rate_per_s=1_000.0, connections=1), clock)
    connection = Connection(driver)
    driver.begin([connection])
    clock.now += 5_000
    connection.data_received(plain_reply("m", 50))  # the first was due at 0 and came at 5 ms
    clock.now += 200
    connection.data_received(plain_reply("m", 50))  # the second was due at 1 ms, sent at 5, and came at 5.2 ms
    assert driver.tally.latencies_us == [5_000, 4_200]
    assert driver.tally.issued_late == 2


async def test_a_closed_loop_counts_from_the_sending() -> None:
    clock = HandClock()
    driver = Driver(replace(PLAN, connections=1), clock)
    connection = Connection(driver)
    driver.begin([connection])
    for wait_us in (5_000, 200):
        clock.now += wait_us
        connection.data_received(plain_reply("m", 50))
    assert driver.tally.latencies_us == [5_000, 200]


async def test_a_failed_reply_leaves_no_latency() -> None:
    driver = Driver(replace(PLAN, connections=1), HandClock())
    connection = Connection(driver)
    driver.begin([connection])
    connection.data_received(fault_reply())
    assert driver.tally.latencies_us == []
    assert driver.tally.bad.total() == 1


async def test_every_request_carries_its_own_number_at_the_same_length() -> None:
    clock = HandClock()
    clock.now = 50
    driver = Driver(PLAN, clock)
    first, second = driver.request(1), driver.request(2)
    assert b"Ticket 00000006:" in first
    assert b"Ticket 00000007:" in second
    assert len(first) == len(second)


async def test_a_run_sends_none_of_the_requests_of_the_run_before_it() -> None:
    clock = HandClock()
    run = {Driver(PLAN, clock).request(number) for number in range(100)}
    clock.now += 100 * 10
    assert run.isdisjoint(Driver(PLAN, clock).request(number) for number in range(100))


async def test_a_body_without_the_counter_is_sent_as_it_is() -> None:
    driver = Driver(replace(PLAN, body=b'{"model":"auto"}'), HandClock())
    assert driver.request(1) == driver.request(2)
    assert driver.request(1).endswith(b'\r\n\r\n{"model":"auto"}')


def test_a_pacer_says_what_is_due_and_what_is_behind() -> None:
    pacer = Pacer(rate_per_s=100.0, start_us=0)
    assert pacer.take(0) == 0
    assert pacer.take(9_999) is None
    assert pacer.backlog(9_999) == 0
    assert pacer.backlog(25_000) == 2
    assert [pacer.take(25_000) for _ in range(3)] == [10_000, 20_000, None]
