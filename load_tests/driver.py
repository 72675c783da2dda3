"""A load driver for OpenAI-compatible servers on this machine: closed loop or open loop, every reply checked.

Callbacks only, over keep-alive connections. In an open loop the latency of a request counts from the moment it was
due, so a server that stalls cannot hide the requests which the stall kept from being sent (Tene, "How not to measure
latency", 2013).
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import cast

import httptools
import uvloop

from load_tests.model_server import monotonic_us
from load_tests.plan import COUNTER_DIGITS, Plan
from load_tests.reply import Reply
from load_tests.tally import Report, Tally

SHED = frozenset({429, 503})
LATE_US = 1_000
"""A request sent this long after it was due found all connections busy, or the driver itself was too slow."""
_NUMBER_US = 10
"""A run's requests are numbered from the time of its start in this unit. No driver sends one in less, so a run that
follows another on the same gateway meets none of its answers in the cache."""


class Pacer:
    """Says when each request of an open loop is due: number k at start + k / rate."""

    def __init__(self, rate_per_s: float, start_us: int) -> None:
        self._period_us = 1e6 / rate_per_s
        self._start_us = start_us
        self._next = 0

    def take(self, now_us: int) -> int | None:
        """Return when the next request was due, and count it as sent; None while it is not due yet."""
        due_us = self._start_us + int(self._next * self._period_us)
        if due_us > now_us:
            return None
        self._next += 1
        return due_us

    def backlog(self, now_us: int) -> int:
        """Count the requests that are due and not sent."""
        return max(0, int((now_us - self._start_us) / self._period_us) + 1 - self._next)

    def tick(self, now_us: Callable[[], int], at_due: Callable[[], object], stop: threading.Event) -> None:
        """Call `at_due` at every due time until told to stop: for a thread, as the loop's timers count milliseconds."""
        number = 0
        while not stop.wait(max(0.0, self._start_us + number * self._period_us - now_us()) / 1e6):
            at_due()
            number += 1


class Driver:
    """One load over many connections."""

    def __init__(self, plan: Plan, now_us: Callable[[], int]) -> None:
        self.plan = plan
        self.now_us = now_us
        self.tally = Tally()
        self.free: deque[Connection] = deque()
        self.finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._before, self._after = plan.request_parts()
        self._first = now_us() // _NUMBER_US
        self._issued = 0
        self._answered = 0
        self._pacer: Pacer | None = None
        self._began_us = 0
        self._opening: set[asyncio.Task[None]] = set()

    async def run(self) -> Report:
        """Open the connections, send the load, return the figures."""
        loop = asyncio.get_running_loop()
        connections = [await self._connect() for _ in range(self.plan.connections)]
        timers = [
            loop.call_later(self.plan.warmup_s, self._record),
            loop.call_later(self.plan.warmup_s + self.plan.duration_s, self._finish),
        ]
        try:
            self.begin(connections)
            await (self._keep_pace(self._pacer) if self._pacer else self.finished)
        finally:
            ended_us = self.now_us()
            self.finished.cancel()
            for timer in timers:
                timer.cancel()
            await self._close(connections)
        unanswered = self._issued - self._answered + (self._pacer.backlog(ended_us) if self._pacer else 0)
        return self.tally.report((ended_us - self._began_us) / 1e6, unanswered)

    async def _keep_pace(self, pacer: Pacer) -> None:
        stop = threading.Event()
        at_due = partial(asyncio.get_running_loop().call_soon_threadsafe, self.send_due)
        ticking = asyncio.create_task(asyncio.to_thread(pacer.tick, self.now_us, at_due, stop))
        try:
            await self.finished
        finally:
            stop.set()
            await ticking

    def begin(self, connections: "list[Connection]") -> None:
        """Send the first requests on these connections."""
        if not self.plan.warmup_s:
            self._record()
        self.free.extend(connections)
        if self.plan.rate_per_s is not None:
            self._pacer = Pacer(self.plan.rate_per_s, self.now_us())
            self.send_due()
            return
        while self.free and self._may_issue():
            self._issue(self.free.popleft(), self.now_us())

    def send_due(self) -> None:
        """Send what has become due, as far as there are free connections."""
        assert self._pacer is not None
        now_us = self.now_us()
        while self.free and self._may_issue() and (due_us := self._pacer.take(now_us)) is not None:
            if now_us - due_us > LATE_US:
                self.tally.add_late()
            self._issue(self.free.popleft(), due_us)

    def settle(self) -> None:
        """Count a request that has come to its end, well or badly."""
        self._answered += 1
        if self._answered >= self.plan.max_requests:
            self._finish()

    def take_back(self, connection: "Connection") -> None:
        """Take a connection that has nothing to do, and give it the next request."""
        if self._pacer is not None:
            self.free.append(connection)
            self.send_due()
        elif self._may_issue():
            self._issue(connection, self.now_us())

    def request(self, number: int) -> bytes:
        """Return the bytes of request `number`, other ones than a run before this one sent."""
        if self._after is None:
            return self._before
        return b"%b%0*d%b" % (self._before, COUNTER_DIGITS, (self._first + number) % 10**COUNTER_DIGITS, self._after)

    def reconnect(self, lost: "Connection") -> None:
        """Open a connection instead of a lost one, and let it take the lost one's place."""
        if self.finished.done():
            return
        if lost in self.free:
            self.free.remove(lost)
        self.tally.add_reconnect()
        task = asyncio.get_running_loop().create_task(self._replace(lost))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    async def _replace(self, lost: "Connection") -> None:
        try:
            await self._connect(lost)
        except OSError as error:
            self.tally.add_bad(f"cannot connect: {error}")
            if not self.finished.done():
                self.finished.set_exception(error)
            return
        self.take_back(lost)

    async def _connect(self, connection: "Connection | None" = None) -> "Connection":
        made = connection or Connection(self)
        await asyncio.get_running_loop().create_connection(lambda: made, self.plan.host, self.plan.port)
        return made

    async def _close(self, connections: "list[Connection]") -> None:
        for task in self._opening:
            task.cancel()
        for connection in connections:
            connection.close()
        await asyncio.gather(*(connection.closed.wait() for connection in connections))

    def _may_issue(self) -> bool:
        return self._issued < self.plan.max_requests and not self.finished.done()

    def _issue(self, connection: "Connection", due_us: int) -> None:
        self._issued += 1
        connection.send(self.request(self._issued), due_us)

    def _record(self) -> None:
        if not self.tally.recording:
            self.tally.recording = True
            self._began_us = self.now_us()

    def _finish(self) -> None:
        if not self.finished.done():
            self.finished.set_result(None)


class Connection(asyncio.Protocol):
    """One keep-alive connection: one request at a time."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._reply = Reply(driver.plan.stream, driver.plan.marker)
        self._due_us: int | None = None
        self._read_us = 0
        self._first_token_us: int | None = None
        self._says_when = False
        self.closed = asyncio.Event()
        self.closed.set()

    def send(self, request: bytes, due_us: int) -> None:
        """Send a request whose time counts from `due_us`."""
        self._due_us = due_us
        self._first_token_us = None
        self._says_when = False
        if self._transport is not None:
            self._transport.write(request)

    def close(self) -> None:
        """Drop the connection at once."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start to parse afresh."""
        self._transport = cast(asyncio.Transport, transport)
        self._parser = httptools.HttpResponseParser(self)
        self.closed.clear()

    def connection_lost(self, exc: Exception | None) -> None:
        """Count a request that is cut off as bad, and ask for another connection."""
        self._transport = None
        self.closed.set()
        if self._due_us is not None and not self._driver.finished.done():
            self._driver.tally.add_bad(f"connection lost: {exc or 'closed by the server'}")
            self._driver.settle()
            self._due_us = None
            self._reply.clear()
        self._driver.reconnect(self)

    def data_received(self, data: bytes) -> None:
        """Parse; what is not HTTP drops the connection."""
        self._read_us = self._driver.now_us()
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.close()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Look for when to come again."""
        self._says_when = self._says_when or name.lower() == b"retry-after"

    def on_body(self, body: bytes) -> None:
        """Keep the body and time its stamps."""
        for stamp_us in self._reply.add(body):
            if self._first_token_us is None:
                self._first_token_us = self._read_us
            self._driver.tally.add_chunk(self._read_us - stamp_us)

    def on_message_complete(self) -> None:
        """Judge the reply and go on to the next request."""
        if self._due_us is None:
            return
        tally, due_us = self._driver.tally, self._due_us
        status = self._parser.get_status_code()
        fault = self._reply.fault(status)
        self._reply.clear()
        self._due_us = None
        if status in SHED and self._driver.plan.may_be_shed:
            tally.add_shed(self._read_us - due_us, says_when=self._says_when)
        elif fault is not None:
            tally.add_bad(fault)
        else:
            first = self._first_token_us
            tally.add_good(self._read_us - due_us, first - due_us if first is not None else None)
        self._driver.settle()
        if self._parser.should_keep_alive():
            self._driver.take_back(self)
        else:
            self.close()


def drive(plan: Plan) -> Report:
    """Run the load on an event loop of its own."""

    async def run() -> Report:
        return await Driver(plan, monotonic_us).run()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(run())
