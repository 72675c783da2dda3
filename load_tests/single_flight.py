"""A crowd that asks the same at once, over several gateways: how many calls the model server sees.

Everything runs as it does in production: processes, sockets, a real Valkey. The model server begins an answer at once
and ends it when all have asked.
"""

import asyncio
import json
import resource
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from operator import eq
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from load_tests.compare import machine
from tests.support.gateway_process import RunningGateway, running_gateway
from tests.support.openai_bodies import Words, chat_answer, chat_events
from tests.support.prometheus import read_series
from tests.support.redis_server import running_redis
from tests.support.waiting import answered, eventually

WAVE = 50
"""So many more at each gateway before it is looked whether all are under way: a gateway that is flooded turns some
away, which is another measurement."""
WARM_UP = 5
"""Requests of its own that a gateway answers first: it then has its connection to Redis."""
OVERLOADED = 503
BACK_S = 1.0
PATIENCE = 60
"""How often a client that is turned away asks."""
WITHIN_S = 240.0
EVERYBODY = "hi"
_BEGUN = 3
"""Events of a stream that are sent before everybody has asked."""
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: %s\r\nconnection: close\r\n\r\n"
_SECRET = "the same for all replicas"  # noqa: S105


@dataclass(frozen=True, slots=True)
class FlightOrder:
    """How many ask the same, over how many gateways."""

    crowd: int
    gateways: int


@dataclass(frozen=True, slots=True)
class Way:
    """What is measured: with Redis between the gateways or without, streamed or whole. `most` is the goal."""

    name: str
    has_redis: bool
    streams: bool
    most: int


@dataclass(frozen=True, slots=True)
class FlightFound:
    """One way measured. `kinds` counts what answers say of the cache; `bad` those that were no whole answer."""

    way: Way
    calls: int
    kinds: dict[str, int]
    bad: int


def ways(order: FlightOrder) -> tuple[Way, ...]:
    """Return all that can be measured."""
    return (
        Way("Redis, whole answers", has_redis=True, streams=False, most=1),
        Way("Redis, streams", has_redis=True, streams=True, most=1),
        Way("no Redis, whole answers", has_redis=False, streams=False, most=order.gateways),
    )


def single_flight(
    order: FlightOrder, measured: Sequence[Way], say: Callable[[str], None]
) -> tuple[str, dict[str, object], list[FlightFound]]:
    """Measure these ways; return the time, the machine and what was found."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4 * order.crowd + 1_024), hard))
    try:
        found = []
        for way in measured:
            say(f"{way.name}: {order.crowd:,} requests over {order.gateways} gateways")
            found.append(asyncio.run(_measure(order, way)))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return datetime.now(UTC).isoformat(timespec="seconds"), machine(), found


async def _measure(order: FlightOrder, way: Way) -> FlightFound:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tiergate-flight-")))
        variables = {"TIERGATE_CACHE_SECRET": _SECRET}
        if way.has_redis:
            variables["TIERGATE_REDIS_URL"] = stack.enter_context(running_redis()).url
        model = await stack.enter_async_context(_model_server(order.crowd))
        gateways = await stack.enter_async_context(_gateways(order, model, folder, variables))
        crowd = await _everybody(order, way, model, gateways)
        model.may_end.set()
        answers = await asyncio.gather(*crowd)
    kinds: dict[str, int] = {}
    for answer in answers:
        kinds[answer.cache] = kinds.get(answer.cache, 0) + 1
    return FlightFound(way, model.calls, kinds, sum(not answer.is_whole for answer in answers))


@dataclass(slots=True)
class _Model:
    """A model server that begins to answer at once, and ends when it may."""

    url: str = ""
    calls: int = 0
    may_end: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one call."""
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
            body: dict[str, Any] = json.loads(await reader.readexactly(length) or b"{}")
            if not head.startswith(b"POST"):
                return
            if body["messages"][0]["content"] == EVERYBODY:
                self.calls += 1
                await self._write(writer, streams=bool(body.get("stream")))
            else:
                writer.write(_HEAD % b"application/json" + chat_answer(Words()))
        except (ConnectionError, asyncio.IncompleteReadError):
            # Who asked has left.
            return
        finally:
            writer.close()

    async def _write(self, writer: asyncio.StreamWriter, *, streams: bool) -> None:
        if streams:
            events = chat_events(Words(), usage=True, done=True)
            writer.write(_HEAD % b"text/event-stream" + b"".join(events[:_BEGUN]))
            await writer.drain()
            await self.may_end.wait()
            writer.write(b"".join(events[_BEGUN:]))
        else:
            await self.may_end.wait()
            writer.write(_HEAD % b"application/json" + chat_answer(Words()))
        await writer.drain()


@asynccontextmanager
async def _model_server(backlog: int) -> AsyncIterator[_Model]:
    model = _Model()
    server = await asyncio.start_server(model.answer, "127.0.0.1", 0, backlog=backlog)
    model.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    async with server:
        yield model
        model.may_end.set()


def _policy(url: str, crowd: int) -> str:
    limits = "limits: {ttft: 5m, stall: 5m, answer: 5m}"
    return f"""\
version: 1
tiers:
  only: {{model: m, price: {{input: 1, output: 2}}, context: 128k, ability: {{like: gpt-4o}}, {limits},
          endpoints: [{{url: "{url}"}}]}}
models: {{auto: {{route: all}}}}
routes: {{all: {{cache: {{exact: 1h}}, heartbeat: off}}}}
limits: {{in_flight_per_key: {crowd}}}
"""


@asynccontextmanager
async def _gateways(
    order: FlightOrder, model: _Model, folder: Path, variables: dict[str, str]
) -> AsyncIterator[Sequence[RunningGateway]]:
    """Start them one after another, and wait for each, off this loop; each has answered before."""
    policy = folder / "policy.yaml"
    policy.write_text(_policy(model.url, order.crowd))
    with ExitStack() as stack:
        running = []
        for number in range(order.gateways):
            own = folder / str(number)
            own.mkdir()
            starting = stack.enter_context
            running.append(await asyncio.to_thread(starting, running_gateway(policy, own, **variables)))
        for gateway in running:
            for number in range(WARM_UP):
                await _ask_once(gateway, f"warm up {number} of {gateway.base_url}", streams=False)
        yield running


async def _everybody(
    order: FlightOrder, way: Way, model: _Model, gateways: Sequence[RunningGateway]
) -> list["asyncio.Task[_Answer]"]:
    """Let all ask; return when all are under way. The first came before all others."""
    first = gateways[0]
    crowd = [asyncio.create_task(_ask(first, streams=way.streams))]
    await eventually(lambda: model.calls == 1, WITHIN_S)
    each = order.crowd // order.gateways
    waves = range(min(WAVE, each), each + 1, min(WAVE, each))
    so_far = {gateway.base_url: int(gateway is first) for gateway in gateways}
    for there in waves:
        for gateway in gateways:
            missing = there - so_far[gateway.base_url]
            crowd += [asyncio.create_task(_ask(gateway, streams=way.streams)) for _ in range(missing)]
            so_far[gateway.base_url] = there
        await answered(partial(_in_flight, gateways), partial(eq, there * order.gateways), WITHIN_S)
    return crowd


@dataclass(frozen=True, slots=True)
class _Answer:
    """What a client was sent, to the end of its connection."""

    raw: bytes
    streams: bool

    @property
    def is_whole(self) -> bool:
        """Tell whether it is a whole answer."""
        return self.status == 200 and (not self.streams or b"data: [DONE]" in self.raw)

    @property
    def status(self) -> int:
        """The status code; 0 where nothing came."""
        return int(self.raw[9:12]) if self.raw else 0

    @property
    def cache(self) -> str:
        """What the gateway says of its cache."""
        head = self.raw.partition(b"\r\n\r\n")[0]
        return head.partition(b"x-tiergate-cache: ")[2].partition(b"\r\n")[0].decode() or "nothing"


async def _ask(gateway: RunningGateway, *, streams: bool) -> _Answer:
    """Send what everybody sends until it is taken: a gateway short of time asks for some patience."""
    for _ in range(PATIENCE):
        answer = await _ask_once(gateway, EVERYBODY, streams=streams)
        if answer.status != OVERLOADED:
            return answer
        await asyncio.sleep(BACK_S)
    return answer


async def _ask_once(gateway: RunningGateway, text: str, *, streams: bool) -> _Answer:
    """Send a request over a connection of its own: clients that share a pool wait for it."""
    body = {"model": "auto", "messages": [{"role": "user", "content": text}], "temperature": 0, "stream": streams}
    sent = json.dumps(body).encode()
    head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nconnection: close\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(gateway.base_url).port)
    try:
        writer.write(head + b"content-length: %d\r\n\r\n" % len(sent) + sent)
        return _Answer(await reader.read(-1), streams)
    except ConnectionError:
        return _Answer(b"", streams)
    finally:
        writer.close()


async def _in_flight(gateways: Sequence[RunningGateway]) -> int:
    """Count the requests under way, by what the gateways tell."""
    async with httpx.AsyncClient(trust_env=False, timeout=WITHIN_S) as client:
        told = [await client.get(gateway.origin + "/metrics") for gateway in gateways]
    series = [one for each in told for one in read_series(each.text).items()]
    return sum(int(value) for name, value in series if name.startswith("tiergate_requests_in_flight"))
