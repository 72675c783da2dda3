"""Mixed operations of many tenants, who ask the same texts, on one cache that workers share; and what must hold of all.

Each answer names its tenant, its text and a number that rises, so that one which comes back proves whose it is and
when it was asked for. Nobody is ever given an answer of another tenant or to another text, however hard its tenant
tries, nor one that was asked for before a purge or a report which named it.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Final

from gateway.core.cache_rules import exact_key, tenant_secret
from gateway.domain.identity import CachedAnswer, CacheScope, ExactKey
from gateway.domain.ids import RouteName, TenantId
from gateway.domain.purge import Selection
from gateway.ports import CacheStore, StoreUnavailable

ROUTES: Final = (RouteName("fast"), RouteName("careful"))
AT_ONCE: Final = 64
"""Operations under way together: their commands and answers share connections."""
_TTL_S: Final = 600.0
_WEIGHTS: Final = {"ask": 900, "steal": 70, "report": 15, "purge entry": 8, "purge route": 4, "purge all": 3}
_MASTER: Final = b"master secret of the fuzz"


@dataclass(frozen=True, slots=True)
class Fuzz:
    """What is played: so many operations of tenants on texts that all of them ask, drawn by the seed."""

    operations: int
    tenants: int = 50
    texts: int = 400
    seed: int = 1


@dataclass(slots=True)
class Verdict:
    """What was done, and what must not be: empty when all is well."""

    done: Counter[str] = field(default_factory=Counter)
    leaks: list[str] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)

    @property
    def is_sound(self) -> bool:
        """Tell whether nothing was given that must not be."""
        return not self.leaks and not self.stale


async def play_all(
    fuzz: Fuzz,
    draws: Random,
    weights: Mapping[str, int],
    do: Callable[[str], Awaitable[None]],
    verdict: Verdict,
    on_done: Callable[[int], None],
) -> None:
    """Do all operations, some at once, each drawn by its weight; tell how many were begun, a thousand apart."""
    names, shares = list(weights), list(weights.values())
    numbers = iter(range(1, fuzz.operations + 1))

    async def play_on() -> None:
        for number in numbers:
            (name,) = draws.choices(names, shares)
            await do(name)
            verdict.done[name] += 1
            if number % 1_000 == 0 or number == fuzz.operations:
                on_done(number)

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(play_on())


@dataclass(slots=True)
class _Floors:
    """Per partition, route and key: answers asked for before this number may no longer be given."""

    of: dict[str, int] = field(default_factory=dict)

    def of_key(self, key: ExactKey) -> int:
        """Return the least number that an answer under the key may have, for each route."""
        return max(self.of.get(key.tenant, 0), self.of.get(key.tenant + key.digest, 0))

    def of_route(self, tenant: TenantId, route: RouteName) -> int:
        """Return the least number that an answer of the route may have."""
        return self.of.get(f"{tenant}/{route}", 0)

    def raise_to(self, selection: Selection, number: int) -> None:
        """Note that a purge is over which began at the number."""
        if selection.entry is not None:
            name = selection.tenant + selection.entry
        elif selection.route is not None:
            name = f"{selection.tenant}/{selection.route}"
        else:
            name = selection.tenant
        self.of[name] = max(number, self.of.get(name, 0))


class Player:
    """Plays a fuzz on the caches of several workers. `hear` lets a worker look for purges, as its listener does."""

    def __init__(
        self,
        fuzz: Fuzz,
        caches: Sequence[CacheStore],
        hear: Callable[[], "asyncio.Future[None] | asyncio.Task[None]"],
        wall_s: Callable[[], float],
        on_done: Callable[[int], None],
    ) -> None:
        self._fuzz = fuzz
        self._caches = caches
        self._hear = hear
        self._wall_s = wall_s
        self._on_done = on_done
        self._draws = Random(fuzz.seed)
        self._number = 0
        self._floors = _Floors()
        self._tenants = [TenantId(f"tenant-{number}") for number in range(fuzz.tenants)]
        self._scopes = {name: CacheScope(name, tenant_secret(_MASTER, name)) for name in self._tenants}
        self.verdict = Verdict()

    async def play(self) -> Verdict:
        """Play to the end."""
        await play_all(self._fuzz, self._draws, _WEIGHTS, self._do, self.verdict, self._on_done)
        return self.verdict

    async def _do(self, name: str) -> None:
        tenant, cache = self._draws.choice(self._tenants), self._draws.choice(self._caches)
        text = self._draws.randrange(self._fuzz.texts)
        key = self._key(tenant, text)
        match name:
            case "ask":
                await self._ask(cache, key, tenant, text)
            case "steal":
                other = self._draws.choice(self._tenants)
                found = await cache.get(ExactKey(tenant, self._key(other, text).digest))
                if found is not None and other != tenant:
                    self.verdict.leaks.append(f"{tenant} was given {found.body!r} under the key of {other}")
            case "report":
                if await cache.get(key) is not None:
                    await self._purge(cache, Selection(tenant, entry=key.digest))
            case "purge entry":
                await self._purge(cache, Selection(tenant, entry=key.digest))
            case "purge route":
                await self._purge(cache, Selection(tenant, self._draws.choice(ROUTES)))
            case _:
                await self._purge(cache, Selection(tenant))

    async def _ask(self, cache: CacheStore, key: ExactKey, tenant: TenantId, text: int) -> None:
        """Look for an answer; where there is none, keep one, as a request does that a model server answers."""
        floor = self._floors.of_key(key)
        route_floors = {route: self._floors.of_route(tenant, route) for route in ROUTES}
        found = await cache.get(key)
        if found is not None:
            self.verdict.done["hit"] += 1
            self._judge(found, tenant, text, max(floor, route_floors[found.route]))
            return
        purge, route = cache.purge_number(tenant), self._draws.choice(ROUTES)
        self._number += 1
        number = self._number
        # The model server answers: others get their turn, and may purge meanwhile.
        for _ in range(self._draws.randrange(3)):
            await asyncio.sleep(0)
        body = f"{tenant}|{text}|{number}".encode()
        kept = CachedAnswer(body, "small", "model", 1, 1, self._wall_s(), 0.1, route, purge)
        cache.put(key, kept, _TTL_S)

    def _judge(self, found: CachedAnswer, tenant: TenantId, text: int, floor: int) -> None:
        whose, what, number = found.body.decode().split("|")
        if (whose, what) != (tenant, str(text)):
            self.verdict.leaks.append(f"{tenant}, who asked {text}, was given {found.body!r}")
        elif int(number) < floor:
            self.verdict.stale.append(f"{tenant} was given {found.body!r}, purged at {floor}")

    async def _purge(self, cache: CacheStore, selection: Selection) -> None:
        number = self._number + 1
        try:
            await cache.purge(selection)
        except StoreUnavailable:
            # Its operator is told that nobody knows whether it was noted, so nothing follows from it.
            self.verdict.done["purge in doubt"] += 1
            return
        await self._hear()
        self._floors.raise_to(selection, number)

    def _key(self, tenant: TenantId, text: int) -> ExactKey:
        return exact_key(self._scopes[tenant], b"text %d" % text)
