"""What a scripted model server does with one request, as data.

The same script is played over real sockets by the fault server and in memory by the fake transport.
"""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

import httpx

RawHeaders = tuple[tuple[bytes, bytes], ...]


@dataclass(slots=True, eq=False)
class SeenRequest:
    """A request as the model server saw it, and what became of it. Times are the loop's monotonic seconds."""

    number: int
    connection: int
    method: str
    path: str
    headers: RawHeaders
    body: bytes
    received_at_s: float
    gone_at_s: float | None = None
    """When the caller was seen to leave before its answer was complete."""
    sent_bytes: int = 0
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    finished: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once everything that the script holds was sent."""

    @property
    def json(self) -> dict[str, Any]:
        """The body as an object; empty when it is none."""
        try:
            value = json.loads(self.body)
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}

    @property
    def model(self) -> str:
        """The served model that was named, or the empty string."""
        return str(self.json.get("model", ""))

    def header(self, name: bytes) -> bytes | None:
        """The first header of that name, in lower case."""
        return next((value for key, value in self.headers if key == name), None)

    def lost(self, now_s: float) -> None:
        """Note that the caller left; a second call changes nothing."""
        if self.gone_at_s is None and not self.finished.is_set():
            self.gone_at_s = now_s
            self.gone.set()


@dataclass(frozen=True, slots=True)
class Send:
    """Send these bytes of the body, in one write."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Pause:
    """Be silent for a while."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Hold:
    """Be silent until the test says so."""

    until: asyncio.Event


class End(Enum):
    """Ways to break off."""

    STALL = auto()
    """Never another byte, until the caller leaves."""
    RESET = auto()
    """TCP reset."""
    CLOSE = auto()
    """An orderly close of the connection, whatever is still owed."""


Step = Send | Pause | Hold | End


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer: steps before the head, the head, steps of the body.

    The body is framed in chunks when `chunked`, otherwise by its length. `raw_head` replaces the head on a socket
    (bytes as they stand, body unframed); the fake transport cannot play it.
    """

    status: int = 200
    headers: RawHeaders = ()
    before: tuple[Step, ...] = ()
    body: tuple[Step, ...] = ()
    chunked: bool = False
    raw_head: bytes | None = None

    @property
    def length_bytes(self) -> int:
        """Size of the body when everything is sent."""
        return sum(len(step.data) for step in self.body if isinstance(step, Send))


@dataclass(frozen=True, slots=True)
class Unreachable:
    """No connection. Only the fake transport plays it; on sockets use a port on which nobody listens."""

    error: type[httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout] = httpx.ConnectError


Script = Reply | Unreachable
Behaviour = Callable[[SeenRequest], Script]
"""How a model server treats a request: decided when it has seen it."""


class Plan:
    """Chooses the behaviour of each request: queued ones first, then the model's own, then the general one."""

    def __init__(self, general: Behaviour) -> None:
        self.general = general
        self.models: dict[str, Behaviour] = {}
        self._queue: list[Behaviour] = []

    def queue(self, *behaviours: Behaviour) -> None:
        """Let the next requests be treated like this, one behaviour each."""
        self._queue.extend(behaviours)

    def script_for(self, request: SeenRequest) -> Script:
        """Return what to do with the request; takes it from the queue when there is one."""
        behaviour = self._queue.pop(0) if self._queue else self.models.get(request.model, self.general)
        return behaviour(request)
