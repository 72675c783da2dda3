"""From a seed to a case. Each seed switches on a random half of the kinds of fault and of the policy's features.

With everything on, every request would fail early and no deep state would ever be reached.
"""

from collections.abc import Sequence
from functools import cache
from random import Random
from typing import Final, TypeVar

from msgspec import structs

from tests.sim.case import (
    Ailment,
    Ask,
    CallFault,
    Case,
    Mishap,
    Mode,
    Reload,
    Server,
    ServerFault,
    Shape,
    Standstill,
)
from tests.sim.policies import VERSIONS, host_name, tier_name
from tests.sim.redis_generator import redis_of

T = TypeVar("T")

RETRY_AFTERS: Final = (
    "", "0", "1", "0.5", "3", "3600", "-1", "soon", "1, 2", "9" * 400,
    "Wed, 21 Oct 2015 07:28:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT",
)  # fmt: skip
STATUSES: Final = (400, 401, 403, 404, 408, 413, 422, 429, 500, 501, 502, 503, 504)
_FEATURES: Final = (
    "patience", "slow_body", "twins", "slow_reader", "stops_reading", "leaves_late", "leaves_after_parts", "cut",
    "scoring", "whole", "usage", "pinned", "reloads", "drain", "redis", "tight", "burst",
    "callers_limits", "standstill", "sessions",
)  # fmt: skip
SHAPES: Final = 256
_QUIET_S: Final = 70.0
"""How long after the last fault everything must be well again."""


def case_of_seed(seed: int, *, shared: bool = False) -> Case:
    """Draw the whole case. One that is to be `shared` has a Redis whatever the seed says."""
    return _Drawing(seed, shared=shared).case()


@cache
def shape_of(number: int, *, is_tight: bool) -> Shape:
    """Draw one of the shapes; there are few enough of them that each is compiled but once for many seeds."""
    draws, apart = Random(f"shape {number}"), Random(f"batch shape {number}")
    everything = ("connect", "ttft", "busy", "error", "context")
    picky = (*everything, "refusal", "empty")
    keyed, narrow = draws.random() < 0.5, draws.random() < 0.3
    servers = tuple(draws.choice((1, 1, 2, 3)) for _ in range(draws.choice((1, 2, 2, 3))))
    attempts = draws.choice((1, 2, 3, 3, 4))
    return Shape(
        servers=servers,
        ttft_s=draws.choice((0.3, 1.0) if is_tight else (1.0, 2.0)),
        stall_s=draws.choice((0.3, 1.0) if is_tight else (1.0, 3.0)),
        answer_s=draws.choice((0.5, 1.0) if is_tight else (2.0, 4.0)),
        connect_s=draws.choice((0.1, 0.3)),
        on=draws.choice((everything, everything, picky, picky, ("connect", "busy"), ("ttft", "error"), ("error",))),
        attempts=attempts,
        replay=draws.random() < 0.85,
        degrade=draws.random() < 0.7,
        hedge_s=draws.choice((0.0, 0.0, 0.0, 0.15)) if attempts > 1 and max(servers) > 1 else 0.0,
        heartbeat_s=draws.choice((15.0, 15.0, 0.2)),
        deadline_s=draws.choice((1.5, 3.0) if is_tight else (6.0, 10.0)),
        strongest=draws.random() < 0.2,
        cache=draws.random() < 0.5,
        keyed=keyed,
        budget_usd=draws.choice((1, 100)) if keyed else 100,
        rpm=draws.choice((4, 1_000, 1_000)) if keyed else 1_000,
        in_flight=draws.choice((1, 64)) if narrow else 64,
        in_flight_per_key=draws.choice((2, 64)) if narrow else 64,
        slo_s=draws.choice((0.0, 0.0, 0.05)),
        basic=draws.random() < 0.15,
        fill_percent=apart.choice((2, 50)),
        places=apart.choice((0, 0, 0, 2)),
    )


class _Drawing:
    """One seed's draws, in a fixed order."""

    def __init__(self, seed: int, *, shared: bool) -> None:
        self._seed = seed
        self._is_shared = shared
        self._draws = Random(seed)
        self._apart = Random(f"redis {seed}")
        """Draws what is of Redis, so that all else is as it would be without."""
        self._on = {feature for feature in _FEATURES if self._draws.random() < 0.5}
        self._mishaps = self._some(list(Mishap))
        self._ailments = self._half(list(Ailment))
        self._grid = self._draws.random() < 0.5
        """Whether times are multiples of 50 ms, so that much happens at the same instant."""

    def case(self) -> Case:
        """Draw."""
        draws = self._draws
        mode = Mode.LIVENESS if draws.random() < 0.3 else Mode.SAFETY
        # For liveness a sound server must be fast enough for every limit, or nothing could be asked of it.
        shape = shape_of(draws.randrange(SHAPES), is_tight="tight" in self._on and mode is Mode.SAFETY)
        servers = tuple(
            self._server(host_name(rank, number)) for rank, count in enumerate(shape.servers) for number in range(count)
        )
        asks = self._asks(shape)
        calls = tuple(self._call_faults(asks))
        asks += self._crowd(asks)
        asks = self._in_lanes(asks)
        ailments = tuple(self._server_faults(servers))
        redis = redis_of(self._apart, [ask.at_s for ask in asks]) if self._shares(shape) else None
        if redis is not None and shape.keyed:
            shape = structs.replace(shape, budget_usd=self._apart.choice((shape.budget_usd, shape.budget_usd, 0)))
        is_safety = mode is Mode.SAFETY
        quiet_from_s = -1.0 if is_safety else 12.0 + _QUIET_S
        if not is_safety:
            asks += self._later_asks(len(asks), quiet_from_s)
        return Case(
            seed=self._seed,
            mode=mode,
            shape=shape,
            servers=servers,
            asks=asks,
            calls=calls,
            ailments=ailments,
            redis=redis,
            reloads=tuple(self._reloads()),
            standstills=tuple(self._standstills()),
            drain_at_s=self._time(0.0, 6.0) if is_safety and self._has("drain", 0.3) else -1.0,
            shuffled=draws.random() < 0.5,
            quiet_from_s=quiet_from_s,
        )

    def _server(self, host: str) -> Server:
        draws = self._draws
        return Server(
            host=host,
            base_s=draws.choice((0.05, 0.1, 0.2)),
            per_token_s=draws.choice((0.0, 0.005)),
            gap_s=draws.choice((0.0, 0.05, 0.05, 0.1)),
            jitter=0.0 if self._grid else draws.choice((0.0, 1.0)),
            slots=draws.choice((1, 2, 8, 8)),
            reaction_s=draws.choice((0.0, 0.05)),
            early_head=draws.random() < 0.5,
            spelling=draws.choice(("plain", "plain", "plain", "crlf", "tight", "chatty")),
            usage=draws.choice(("asked", "asked", "never", "zero_first", "every")),
            read_bytes=draws.choice((0, 0, 0, 0, 0, 97)),
            prefix_cache=draws.random() < 0.3,
        )

    def _asks(self, shape: Shape) -> tuple[Ask, ...]:
        draws = self._draws
        count = draws.randint(3, 9)
        spread_s = 0.5 if "burst" in self._on else 8.0
        asks = tuple(self._ask(number, self._time(0.0, spread_s), shape) for number in range(count))
        if not shape.hedge_s:
            return asks
        # Hedges are a share of the requests: without a crowd there would be none.
        crowd = range(count, count + 10)
        return (*asks, *(Ask(number, self._time(0.0, spread_s), tokens=1, tenant=number % 2) for number in crowd))

    def _ask(self, number: int, at_s: float, shape: Shape) -> Ask:
        draws = self._draws
        return Ask(
            number=number,
            at_s=at_s,
            stream=not self._has("whole", 0.4),
            tokens=draws.choice((0, 1, 1, 2, 3, 5, 8)) or 1,
            prompt_words=draws.choice((1, 4, 40)),
            alias=tier_name(draws.randrange(len(shape.servers))) if self._has("pinned", 0.2) else "auto",
            tenant=draws.randrange(2),
            include_usage=self._has("usage", 0.5),
            patience_s=draws.choice((1.0, 2.0, 60.0)) if self._has("patience", 0.3) else 0.0,
            deadline_ms=draws.choice((50, 500, 2_000)) if self._has("callers_limits", 0.2) else 0,
            max_cost_usd=draws.choice((0.000001, 0.01, 1.0)) if self._has("callers_limits", 0.2) else 0.0,
            body_s=draws.choice((0.1, 1.0, 31.0)) if self._has("slow_body", 0.1) else 0.0,
            twin_of=draws.randrange(number) if number and self._has("twins", 0.4) else -1,
            session=draws.randrange(2) if self._has("sessions", 0.6) else -1,
            in_tool_loop=draws.random() < 0.6,
            read_s=draws.choice((0.05, 0.3, 2.0)) if self._has("slow_reader", 0.2) else 0.0,
            stops_after=draws.randint(1, 4) if self._has("stops_reading", 0.2) else -1,
            stops_for_s=draws.choice((1.0, 5.0, 100.0)),
            leaves_after_s=self._time(0.0, 1.5) if self._has("leaves_late", 0.25) else -1.0,
            leaves_after_parts=draws.randint(1, 4) if self._has("leaves_after_parts", 0.2) else -1,
            cut_after_s=self._time(0.0, 2.0) if self._has("cut", 0.15) else -1.0,
            scored_in_s=draws.choice((0.01, 0.05)) if self._has("scoring", 0.3) else 0.0,
        )

    def _crowd(self, asks: Sequence[Ask]) -> tuple[Ask, ...]:
        """Let one of the requests be made by several at once, in half of the cases; drawn apart, as Redis is."""
        draws = Random(f"crowd {self._seed}")
        if draws.random() < 0.5:
            return ()
        first = draws.choice(asks)
        return tuple(
            structs.replace(
                first,
                number=len(asks) + n,
                at_s=round(first.at_s + draws.choice((0.0, 0.0, draws.random() / 2)), 4),
                twin_of=first.number if first.twin_of < 0 else first.twin_of,
                stream=draws.random() < 0.6,
                include_usage=draws.random() < 0.5,
                deadline_ms=0,
                max_cost_usd=0.0,
                read_s=draws.choice((0.0, 0.0, 0.3)),
                stops_after=-1,
                leaves_after_s=draws.choice((-1.0, -1.0, draws.random())),
                leaves_after_parts=draws.choice((-1, -1, -1, 2)),
                cut_after_s=draws.choice((-1.0, -1.0, -1.0, draws.random())),
            )
            for n in range(draws.randint(2, 6))
        )

    def _in_lanes(self, asks: Sequence[Ask]) -> tuple[Ask, ...]:
        """Let some requests wait for room to spare, in three of ten cases; drawn apart, as Redis is."""
        draws = Random(f"batch {self._seed}")
        if draws.random() >= 0.3:
            return tuple(asks)
        return tuple(
            structs.replace(ask, batch=True, deadline_ms=ask.deadline_ms or draws.choice((0, 0, 500, 2_000)))
            if draws.random() < 0.4
            else ask
            for ask in asks
        )

    def _later_asks(self, first: int, from_s: float) -> tuple[Ask, ...]:
        """Ask once more of everybody, plainly, when all must be well again."""
        return tuple(
            Ask(number=first + n, at_s=from_s + 5.0 * n, stream=n % 2 == 0, tokens=2, tenant=n % 2) for n in range(3)
        )

    def _call_faults(self, asks: Sequence[Ask]) -> list[CallFault]:
        draws, faults = self._draws, []
        rate = draws.choice((0.2, 0.5, 0.8))
        for ask in asks:
            for attempt in range(3):
                if self._mishaps and draws.random() < rate:
                    kind = draws.choice(self._mishaps)
                    at = draws.randint(0, ask.tokens + 1)
                    is_busy = draws.random() < 0.5
                    status = draws.choice((429, 503)) if is_busy else draws.choice(STATUSES)
                    wait = draws.choice(("0", "0.5", "1")) if draws.random() < 0.5 else draws.choice(RETRY_AFTERS)
                    is_status = kind is Mishap.STATUS
                    faults.append(
                        CallFault(ask.number, attempt, kind, at, status, wait)
                        if is_status
                        else CallFault(ask.number, attempt, kind, at)
                    )
        return faults

    def _server_faults(self, servers: Sequence[Server]) -> list[ServerFault]:
        draws, faults = self._draws, []
        for server in servers:
            if self._ailments and draws.random() < 0.3:
                from_s = self._time(0.0, 6.0)
                to_s = from_s + draws.choice((0.5, 2.0, 5.0))
                kind = draws.choice(self._ailments)
                factor = draws.choice((3.0, 10.0, 50.0))
                status, wait = draws.choice((429, 503)), draws.choice(RETRY_AFTERS)
                faults.append(ServerFault(server.host, kind, from_s, to_s, factor, status, wait))
        return faults

    def _shares(self, shape: Shape) -> bool:
        """Draw whether there is a Redis: in some three of ten cases, more often where callers have keys."""
        is_drawn = shape.keyed and self._has("redis", 0.5)
        return self._is_shared or is_drawn or ("redis" in self._on and self._apart.random() < 0.5)

    def _reloads(self) -> list[Reload]:
        if "reloads" not in self._on:
            return []
        return [Reload(self._time(0.0, 6.0), self._draws.randrange(VERSIONS)) for _ in range(self._draws.randint(1, 3))]

    def _standstills(self) -> list[Standstill]:
        if not self._has("standstill", 0.4):
            return []
        return [Standstill(self._time(0.0, 6.0), self._draws.choice((0.05, 0.5, 3.0, 20.0)))]

    def _some(self, kinds: list[T]) -> list[T]:
        """Take half of the kinds, or now and then one to three, which then come together more often."""
        few = self._draws.sample(kinds, self._draws.randint(1, 3))
        half = self._half(kinds)
        return few if self._draws.random() < 0.3 else half

    def _half(self, kinds: list[T]) -> list[T]:
        return [kind for kind in kinds if self._draws.random() < 0.5]

    def _has(self, feature: str, chance: float) -> bool:
        """Draw whether a feature that is on shows here. Draws either way, so that seeds stay comparable."""
        return self._draws.random() < chance and feature in self._on

    def _time(self, from_s: float, to_s: float) -> float:
        at_s = self._draws.uniform(from_s, to_s)
        return round(at_s * 20) / 20 if self._grid else round(at_s, 4)
