"""What a cache hit costs with Redis, and what requests feel while Redis is frozen, killed and started again.

Two gateways share one Redis. Hits are asked for one at a time: those that the other gateway stored come from Redis,
those asked for again from memory. Then one of them is loaded at a steady rate, every request a miss, through each
trouble in turn: first the moments in which it begins, then the rest, when the gateway has stopped asking.
"""

import datetime
import http.client
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from load_tests.bodies import BodyKind
from load_tests.compare import Cores, machine
from load_tests.launch import DidNotStart, Probe, free_port, on_core, running
from load_tests.plan import COUNTER, COUNTER_DIGITS
from load_tests.scenarios import Scenario
from load_tests.tally import Report, Spread, spread
from load_tests.targets import TARGETS, Setting
from load_tests.tools import OwnTools, Run
from tests.support.redis_server import RedisServer, running_redis

RATE_PER_S = 50.0
CONNECTIONS = 64
ANSWER_MS = 5
BEGINNING_S = 2.0
"""Within it the breaker opens, or Redis is found again."""
DRIVER_SPARE_S = 60.0
SECRET = "the same for both gateways"  # noqa: S105
_PATH = "/v1/chat/completions"
_JSON = {"content-type": "application/json"}


@dataclass(frozen=True, slots=True)
class RedisLossOrder:
    """What to measure: how long each state of Redis lasts, how many hits, and where everything runs."""

    seconds: float
    hits: int
    cores: Cores
    references: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Phase:
    """A state of Redis: what was seen as it began, and afterwards."""

    name: str
    beginning: Report
    afterwards: Report


@dataclass(frozen=True, slots=True)
class Hits:
    """Times of single requests, in microseconds: the model server's own, and hits from Redis and from memory."""

    direct_us: Spread
    redis_us: Spread
    memory_us: Spread


@dataclass(frozen=True, slots=True)
class RedisLossFound:
    """Everything measured. `direct` went to the model server itself."""

    at: str
    machine: dict[str, object]
    hits: Hits
    direct: Report
    phases: tuple[Phase, ...]


def redis_loss(order: RedisLossOrder, say: Callable[[str], None]) -> RedisLossFound:
    """Measure in a temporary folder. Raises DidNotStart."""
    made = tempfile.TemporaryDirectory(prefix="tiergate-redis-loss-")
    with made as folder, on_core(order.cores.load), running_redis() as redis:
        return _Bench(order, Path(folder), redis, say).run()


class _Bench:
    def __init__(self, order: RedisLossOrder, folder: Path, redis: RedisServer, say: Callable[[str], None]) -> None:
        self._order = order
        self._folder = folder
        self._redis = redis
        self._say = say
        self._tools = OwnTools(folder)
        self._model_port = free_port()

    def run(self) -> RedisLossFound:
        serving = [*self._tools.server_command(self._model_port), "--first-byte-ms", str(ANSWER_MS)]
        probe = Probe(self._model_port, self._body(0), self._tools.marker.encode())
        self._say("starting Redis, the model server and two gateways")
        with running(serving, None, self._folder / "model_server.log", probe):
            hits = self._hits()
            with self._gateway("loaded") as port:
                self._say("the model server itself, then with Redis")
                direct = self._drive(self._model_port, self._order.seconds)
                phases = tuple(self._phase(port, name, act) for name, act in self._troubles())
        at = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        return RedisLossFound(at, machine(), hits, direct, phases)

    def _troubles(self) -> Iterator[tuple[str, Callable[[], None]]]:
        yield "Redis is up", lambda: None
        yield "Redis is frozen", self._redis.freeze
        yield "Redis goes on", self._redis.thaw
        yield "Redis is killed", self._redis.kill
        yield "Redis is started again, empty", self._redis.start

    def _phase(self, port: int, name: str, act: Callable[[], None]) -> Phase:
        self._say(name)
        act()
        return Phase(name, self._drive(port, BEGINNING_S), self._drive(port, self._order.seconds))

    def _hits(self) -> Hits:
        with self._gateway("asked_first") as first, self._gateway("asked_next") as next_port:
            self._say(f"{self._order.hits:,} hits, one at a time")
            bodies = [self._body(number) for number in range(1, self._order.hits + 1)]
            direct = _times_us(self._model_port, bodies, b"")
            _times_us(first, bodies, b"miss")
            # What is written to Redis is written behind the answer.
            time.sleep(1.0)
            redis = _times_us(next_port, bodies, b"exact")
            memory = _times_us(next_port, bodies, b"exact")
        return Hits(direct, redis, memory)

    @contextmanager
    def _gateway(self, name: str) -> Iterator[int]:
        """Run a gateway that shares the Redis; gives its port."""
        port, folder = free_port(), self._folder / name
        folder.mkdir()
        setting = Setting(port, self._model_port, folder, "", None, self._order.references)
        target = TARGETS["tiergate"](setting)
        assert target.command is not None
        shared = (f"TIERGATE_REDIS_URL={self._redis.url}", f"TIERGATE_CACHE_SECRET={SECRET}")
        command, probe = ("env", *shared, *target.command), Probe(port, self._body(0), self._tools.marker.encode())
        with running(command, self._order.cores.gateway, folder / "output.log", probe):
            yield port

    def _body(self, number: int) -> bytes:
        body = self._tools.body(_scenario())
        return body.replace(COUNTER.encode(), b"%0*d" % (COUNTER_DIGITS, number), 1)

    def _drive(self, port: int, seconds: float) -> Report:
        command = self._tools.driver_command(Run(_scenario(), port, seconds))
        limit_s = seconds + DRIVER_SPARE_S
        driver = subprocess.run(command, capture_output=True, text=True, timeout=limit_s, check=False)
        if driver.returncode:
            raise DidNotStart(f"the driver failed:\n{driver.stderr[-2000:]}")
        return self._tools.report(driver.stdout)


def _times_us(port: int, bodies: list[bytes], cache: bytes) -> Spread:
    """Ask for each body in turn. Raises DidNotStart where the cache did not say what it should."""
    times_us = []
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        for body in bodies:
            began_ns = time.perf_counter_ns()
            connection.request("POST", _PATH, body, _JSON)
            response = connection.getresponse()
            response.read()
            times_us.append((time.perf_counter_ns() - began_ns) // 1_000)
            said = (response.getheader("x-tiergate-cache") or "").encode()
            if response.status != 200 or said != cache:
                raise DidNotStart(f"status {response.status} and {said!r} of the cache, where {cache!r} was due")
    found = spread(times_us)
    assert found is not None, "there is at least one body"
    return found


def _scenario() -> Scenario:
    return Scenario("redis_loss", "misses", BodyKind(), "", CONNECTIONS, rate_per_s=RATE_PER_S)
