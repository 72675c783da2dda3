"""A Redis Cluster: each command goes to the server of its key, over one connection to each.

Where keys lie is read from the servers at the first call, when one sends a command elsewhere, and when one fails; a
failed primary's slots are its successor's as soon as the others say so. Commands that come before that is known go to
any server, which tells where they belong. What is sent a second time was not carried out at first: a redirection is
instead of that.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from gateway.adapters.redis_link import Argument, RedisRefused, RedisUnavailable, Reply
from gateway.adapters.redis_slots import SLOTS, Address, key_in, redirection_in, slot_of, slot_ranges
from gateway.adapters.redis_target import RedisTarget
from gateway.adapters.redis_turn import TurnClient, TurnSettings
from gateway.ports import Clock

_REDIRECTIONS_MAX = 3
"""Of one command: while slots move, one server may still name the other."""


@dataclass(frozen=True, slots=True)
class ClusterSettings:
    """It is asked where keys lie `learn_timeout_s` at most, and not again within `learn_every_s`."""

    learn_every_s: float = 0.5
    learn_timeout_s: float = 0.5
    turn: TurnSettings = field(default_factory=TurnSettings)


@dataclass(frozen=True, slots=True)
class _Errand:
    """A command on its way through the cluster, whoever waits for it, and until when (monotonic)."""

    command: tuple[Argument, ...]
    told: "asyncio.Future[Reply]"
    due_s: float


class ClusterClient:
    """Send commands to the servers of a cluster; see `TurnClient`, which is one of them."""

    def __init__(
        self,
        target: RedisTarget,
        *,
        clock: Clock,
        chance: Callable[[], float],
        tell: Callable[[str | None], None],
        settings: ClusterSettings | None = None,
    ) -> None:
        """Take a target with `nodes`; more servers are learned from them."""
        self._target = target
        self._clock = clock
        self._chance = chance
        self._tell = tell
        self._settings = settings or ClusterSettings()
        self._servers: dict[Address, TurnClient] = {}
        self._owners: list[Address | None] = [None] * SLOTS
        self._troubles: dict[Address, str] = {}
        self._learning: asyncio.Task[None] | None = None
        self._learn_from_s = 0.0
        self._is_closed = False
        self._counts = {"redirections": 0, "maps_read": 0}

    def call(self, *command: Argument, timeout_s: float) -> "asyncio.Future[Reply]":
        """Send a command to the server of its first key. Raises RedisUnavailable at once where that one is down."""
        if self._is_closed:
            raise RedisUnavailable("the connections were closed by this process")
        key = key_in(command)
        owner = None if key is None else self._owners[slot_of(key)]
        if owner is None:
            self._learn_soon()
        errand = _Errand(command, asyncio.get_running_loop().create_future(), self._clock.now_s() + timeout_s)
        self._send(errand, owner or self._target.nodes[0], timeout_s, _REDIRECTIONS_MAX)
        return errand.told

    @property
    def is_open(self) -> bool:
        """Tell whether every server that is known fails calls at once."""
        return bool(self._servers) and all(server.is_open for server in self._servers.values())

    def distrust(self, reason: str) -> None:
        """Give up every connection: it is not known which of them answered with what was not asked for."""
        for server in self._servers.values():
            server.distrust(reason)

    def stats(self) -> Mapping[str, int | str]:
        """Add up what the servers' connections count; `state` is that of the best of them."""
        every = [server.stats() for server in self._servers.values()]
        totals: dict[str, int | str] = dict(self._counts)
        for stats in every:
            for name, value in stats.items():
                if isinstance(value, int):
                    totals[name] = int(totals.get(name, 0)) + value
        states = [stats["state"] for stats in every]
        totals["state"] = next((state for state in ("connected", "idle", "open") if state in states), "idle")
        totals["last_error"] = next((stats["last_error"] for stats in every if stats["last_error"]), "")
        totals["servers"] = len(self._servers)
        return totals

    async def aclose(self) -> None:
        """Close every connection; calls under way fail."""
        self._is_closed = True
        if self._learning is not None:
            self._learning.cancel()
            await asyncio.wait([self._learning])
        for server in self._servers.values():
            await server.aclose()

    def _send(self, errand: _Errand, address: Address, timeout_s: float, redirections: int) -> None:
        """Send it to a server. Raises RedisUnavailable where that one is known to be down."""
        try:
            answer = self._server(address).call(*errand.command, timeout_s=timeout_s)
        except RedisUnavailable:
            self._learn_soon()
            raise
        answer.add_done_callback(partial(self._on_answer, errand, address, redirections))

    def _on_answer(self, errand: _Errand, asked: Address, redirections: int, answer: "asyncio.Future[Reply]") -> None:
        error = answer.exception()
        if errand.told.done():
            return
        if error is None:
            errand.told.set_result(answer.result())
            return
        if isinstance(error, RedisRefused) and redirections and self._is_redirected(errand, asked, redirections, error):
            return
        if not isinstance(error, RedisRefused):
            self._learn_soon()
        errand.told.set_exception(error)

    def _is_redirected(self, errand: _Errand, asked: Address, redirections: int, refusal: RedisRefused) -> bool:
        found = redirection_in(refusal, asked)
        if found is None:
            return False
        self._counts["redirections"] += 1
        left_s = max(0.0, errand.due_s - self._clock.now_s())
        key = key_in(errand.command)
        if found.is_lasting and key is not None:
            self._owners[slot_of(key)] = found.address
            self._learn_soon()
        try:
            if not found.is_lasting:
                # It goes before the command, in the same write.
                self._server(found.address).call("ASKING", timeout_s=left_s).add_done_callback(_heard)
            self._send(errand, found.address, left_s, redirections - 1)
        except RedisUnavailable as error:
            errand.told.set_exception(error)
        return True

    def _server(self, address: Address) -> TurnClient:
        server = self._servers.get(address)
        if server is None:
            target = replace(self._target, host=address[0], port=address[1], nodes=())
            tell = partial(self._note, address)
            server = self._servers[address] = TurnClient(
                target, clock=self._clock, chance=self._chance, settings=self._settings.turn, tell=tell
            )
        return server

    def _note(self, address: Address, trouble: str | None) -> None:
        """Tell of each server's trouble, and that all is well when none has any more."""
        if trouble is not None:
            self._troubles[address] = trouble
            self._tell(f"{address[0]}:{address[1]}: {trouble}")
        elif self._troubles.pop(address, None) is not None and not self._troubles:
            self._tell(None)

    def _learn_soon(self) -> None:
        now_s = self._clock.now_s()
        if self._learning is None and not self._is_closed and now_s >= self._learn_from_s:
            self._learn_from_s = now_s + self._settings.learn_every_s
            self._learning = asyncio.get_running_loop().create_task(self._learn(), name="redis-cluster")

    async def _learn(self) -> None:
        """Ask one server after another where keys lie, until one tells."""
        try:
            for address in dict.fromkeys((*self._servers, *self._target.nodes)):
                try:
                    reply = await self._server(address).call(
                        "CLUSTER", "SLOTS", timeout_s=self._settings.learn_timeout_s
                    )
                except RedisUnavailable:
                    continue
                if await self._take_in(reply, address):
                    return
        finally:
            self._learning = None

    async def _take_in(self, reply: Reply, asked: Address) -> bool:
        """Follow a map of the cluster from now on, and close what is no part of it any more; an empty one is none.

        The servers that the URL names stay: they may be known to each other by other names.
        """
        found = list(slot_ranges(reply, asked))
        for each in found:
            self._owners[each.first : each.last + 1] = [each.address] * (each.last + 1 - each.first)
        if not found:
            return False
        self._counts["maps_read"] += 1
        for address in set(self._servers).difference((each.address for each in found), self._target.nodes):
            self._note(address, None)
            await self._servers.pop(address).aclose()
        return True


def _heard(answer: "asyncio.Future[Reply]") -> None:
    """Take note of an answer that says nothing: what comes of the command behind it is told there."""
    answer.exception()
