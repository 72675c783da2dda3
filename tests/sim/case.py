"""A case: everything that a run depends on, drawn before it begins, and printable as one line of JSON.

Times are virtual seconds since the run's beginning unless a name says otherwise.
"""

from enum import StrEnum
from typing import Final

import msgspec
from msgspec import Struct, structs

from tests.sim.redis_case import Redis


class Mode(StrEnum):
    """What is asked of a run."""

    SAFETY = "safety"
    """Faults throughout: nothing bad may happen."""
    LIVENESS = "liveness"
    """Faults stop: everything must end, and what comes later must succeed."""


class Mishap(StrEnum):
    """What befalls one call to a model server."""

    REFUSED = "refused"
    CONNECT_TIMEOUT = "connect_timeout"
    POOL_FULL = "pool_full"
    RESET_BEFORE_HEAD = "reset_before_head"
    CLOSED_BEFORE_HEAD = "closed_before_head"
    STALE = "stale"
    """A kept connection that was closed meanwhile."""
    SILENT = "silent"
    STATUS = "status"
    CONTEXT_LENGTH = "context_length"
    ERROR_IN_200 = "error_in_200"
    GARBAGE = "garbage"
    ERROR_EVENT = "error_event"
    RESET = "reset"
    CLOSED = "closed"
    STALL = "stall"
    ENDS_EARLY = "ends_early"
    DRIP = "drip"
    EMPTY = "empty"
    NO_DONE = "no_done"
    DONE_TWICE = "done_twice"
    ABSURD_USAGE = "absurd_usage"
    NO_USAGE = "no_usage"
    LATE_END = "late_end"
    DECLINES = "declines"
    """A whole answer that is a refusal."""
    SAYS_NOTHING = "says_nothing"
    """A whole answer without anything in it."""
    KILLS = "kills"
    """The request brings the server down: every call it has is reset, and it refuses until it has started again."""


OF_WHOLE_ANSWERS: Final = frozenset({Mishap.DECLINES, Mishap.SAYS_NOTHING})
"""Mishaps that pass a stream by."""


class Ailment(StrEnum):
    """What befalls a model server for a while."""

    DOWN = "down"
    HOLE = "hole"
    BUSY = "busy"
    SLOW = "slow"
    FROZEN = "frozen"
    CRASH = "crash"


class Server(Struct, frozen=True):
    """How a model server works. Reading a prompt takes `base_s` and `per_token_s` a token, writing a token `gap_s`."""

    host: str
    base_s: float = 0.1
    per_token_s: float = 0.0
    gap_s: float = 0.05
    jitter: float = 0.0
    """Share of `gap_s` by which a gap may be longer."""
    slots: int = 4
    reaction_s: float = 0.0
    """How long it goes on after its caller left."""
    early_head: bool = True
    """Whether the head comes before the prompt was read."""
    spelling: str = "plain"
    """How it writes events: `plain`, `crlf`, `tight` or `chatty`."""
    usage: str = "asked"
    """When it tells usage: `asked`, `never`, `zero_first` or `every`."""
    read_bytes: int = 0
    """How many bytes arrive at once at most; 0 for all that there are."""
    prefix_cache: bool = False
    stalling: float = 0.0
    """Share of its calls whose reading takes `stall_s` longer."""
    stall_s: float = 5.0


class Shape(Struct, frozen=True):
    """The policy. `servers` counts each tier's model servers, cheapest tier first."""

    servers: tuple[int, ...] = (1, 1)
    ttft_s: float = 2.0
    stall_s: float = 3.0
    answer_s: float = 4.0
    connect_s: float = 0.5
    on: tuple[str, ...] = ("connect", "ttft", "busy", "error", "context")
    attempts: int = 3
    replay: bool = True
    degrade: bool = True
    hedge_s: float = 0.0
    """After how long a silent server is hedged; 0 for never."""
    hedges_as_usual: bool = False
    """Whether silent servers are hedged when and as often as a policy that says no more than that has it."""
    heartbeat_s: float = 15.0
    deadline_s: float = 10.0
    strongest: bool = False
    """Whether the route begins with the dearest tier."""
    cache: bool = False
    keyed: bool = False
    """Whether callers are tenants with keys, budgets and rates."""
    budget_usd: int = 100
    """0 for none: then the first tenant has a rate alone, and the second no limit at all."""
    rpm: int = 1_000
    in_flight: int = 64
    in_flight_per_key: int = 64
    slo_s: float = 0.0
    """What the tiers' first contents should keep to; 0 for no objective."""
    basic: bool = False
    """Whether servers are not asked for usage."""
    fill_percent: int = 50
    """Of each server's `in_flight`, and of the gateway's: batch requests come in below this."""
    places: int = 0
    """How many requests the gateway may have under way; 0 for as many as usual."""


class Ask(Struct, frozen=True):
    """One request and how its client behaves."""

    number: int
    at_s: float
    stream: bool = True
    tokens: int = 3
    """How long the answer will be."""
    prompt_words: int = 4
    alias: str = "auto"
    tenant: int = 0
    include_usage: bool = False
    patience_s: float = 0.0
    """What `x-request-timeout` says; 0 leaves it out."""
    deadline_ms: int = 0
    """What `x-tiergate-deadline-ms` says; 0 leaves it out."""
    max_cost_usd: float = 0.0
    """What `x-tiergate-max-cost-usd` says; 0 leaves it out."""
    body_s: float = 0.0
    """How long the body takes to arrive."""
    twin_of: int = -1
    """The request whose text it repeats."""
    session: int = -1
    """The conversation that it goes on with."""
    in_tool_loop: bool = False
    """Whether it brings the result of a tool."""
    read_s: float = 0.0
    """How long the client takes over each part."""
    stops_after: int = -1
    """The part after which it does not read for `stops_for_s`."""
    stops_for_s: float = 0.0
    leaves_after_s: float = -1.0
    leaves_after_parts: int = -1
    cut_after_s: float = -1.0
    """When its task is cancelled from outside, as at the end of a drain."""
    scored_in_s: float = 0.0
    batch: bool = False
    """Whether it waits for room that nobody else has use for."""

    @property
    def is_routed(self) -> bool:
        """Tell whether the gateway chooses the tier."""
        return self.alias == "auto"


class CallFault(Struct, frozen=True):
    """A mishap of the `attempt`-th call for a request. `at` counts tokens; `status` and `retry_after` are of STATUS."""

    ask: int
    attempt: int
    kind: Mishap
    at: int = 0
    status: int = 500
    retry_after: str = ""


class ServerFault(Struct, frozen=True):
    """An ailment of a server. `factor` is how much slower it is."""

    host: str
    kind: Ailment
    from_s: float
    to_s: float
    factor: float = 1.0
    status: int = 503
    retry_after: str = ""


class Reload(Struct, frozen=True):
    """Another version of the policy comes into force: other prices, other model names."""

    at_s: float
    version: int


class Standstill(Struct, frozen=True):
    """The gateway's process is stopped, and goes on: everybody else's time passes."""

    at_s: float
    for_s: float


class Case(Struct, frozen=True):
    """A whole run."""

    seed: int
    mode: Mode
    shape: Shape
    servers: tuple[Server, ...]
    asks: tuple[Ask, ...]
    calls: tuple[CallFault, ...] = ()
    ailments: tuple[ServerFault, ...] = ()
    reloads: tuple[Reload, ...] = ()
    standstills: tuple[Standstill, ...] = ()
    drain_at_s: float = -1.0
    redis: Redis | None = None
    """What gateways share; without it there is one, which has its stores in memory."""
    shuffled: bool = False
    """Whether chance orders what happens at the same instant."""
    quiet_from_s: float = -1.0
    """From when on everything must succeed: liveness alone."""

    @property
    def gateways(self) -> int:
        """Count the gateways. Requests go to one after the other, by their numbers."""
        return 1 if self.redis is None else self.redis.gateways

    def gateway_of(self, ask: int) -> int:
        """Tell which gateway a request goes to."""
        return ask % self.gateways

    def line(self) -> str:
        """Write as one line of JSON, without what is as usual."""
        return msgspec.json.encode(_told(self)).decode()


def _told(value: object) -> object:
    if isinstance(value, tuple):
        return [_told(part) for part in value]
    if not isinstance(value, Struct):
        return value
    parts = [(one.name, one.default, getattr(value, one.name)) for one in structs.fields(value)]
    return {name: _told(part) for name, default, part in parts if part != default}


def case_of(line: str | bytes) -> Case:
    """Read what `Case.line` wrote. Raises msgspec.ValidationError."""
    return msgspec.json.decode(line, type=Case)
