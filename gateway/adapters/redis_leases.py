"""Who asks for an answer that several workers wait for: one of them, as long as it lives.

A lease is taken with the look-up, in the same step, so that of many workers which find nothing at once one asks. Its
holder renews it while the request is under way; who waits for it looks now and then. A worker that dies renews nothing,
and a few seconds later another asks.

    tg:{tag of the tenant}:l:DIGEST    the worker that asks, or the mark of an answer that is nobody else's
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from typing import Any, Final

from gateway.adapters.redis_client import RedisClient
from gateway.adapters.redis_keys import tenant_prefix
from gateway.adapters.redis_link import RedisUnavailable, Reply
from gateway.adapters.redis_script import RedisScript
from gateway.adapters.redis_write_behind import WriteBehind
from gateway.domain.flight import Ending, Landing
from gateway.domain.identity import ExactKey

NOBODY_ELSES: Final = b"-"
"""The mark: whoever waited for the answer asks for itself. No worker is called so."""


@dataclass(frozen=True, slots=True)
class RedisLeasesSettings:
    """A lease is renewed three times before it would be over. Looks are `look_s` to `look_s_max` apart, ever more."""

    lease_s: float = 3.0
    mark_s: float = 2.0
    """How long the mark stays: longer than the looks are apart."""
    look_s: float = 0.02
    look_s_max: float = 0.25
    look_timeout_s: float = 0.1
    renewed_at_once: int = 256


DEFAULT_LEASES = RedisLeasesSettings()


class RedisLeases:
    """The leases of one worker. `worker` tells it from all others, also from itself before a restart."""

    def __init__(
        self,
        client: RedisClient,
        writes: WriteBehind,
        worker: str,
        settings: RedisLeasesSettings = DEFAULT_LEASES,
    ) -> None:
        self._client = client
        self._writes = writes
        self._worker = worker
        self._settings = settings
        self._claim = RedisScript("claim")
        self._release = files("gateway.adapters").joinpath("lua", "release.lua").read_text("utf-8")
        self._held: set[str] = set()
        self._renewing: asyncio.Task[None] | None = None
        self._counts = {"leases_taken": 0, "leases_of_others": 0}

    async def claim(self, key: ExactKey, answer_name: str, last_byte: int, within_s: float) -> tuple[bytes, bool]:
        """Return what lies under the name of an answer; where nothing does, whether this worker asks for it.

        Raises RedisUnavailable.
        """
        lease = _lease_name(key)
        arguments = (last_byte, self._worker, self._ms(self._settings.lease_s), NOBODY_ELSES)
        reply = await self._claim.run(self._client, (answer_name, lease), arguments, within_s)
        match reply:
            case [bytes(value), bytes(holder), bytes(named)] if named == lease.encode():
                pass
            case _:
                self._client.distrust("an answer was claimed, and the reply was to another claim")
                raise RedisUnavailable("the reply was to another claim")
        if value:
            return value, False
        if holder == self._worker.encode():
            self._hold(lease)
        leads = holder in (self._worker.encode(), NOBODY_ELSES)
        self._counts["leases_taken" if leads else "leases_of_others"] += 1
        return b"", leads

    def release(self, key: ExactKey, ending: Ending) -> None:
        """Give up the lease of an answer, behind what is written of it; nothing where it is not held."""
        lease = _lease_name(key)
        if lease not in self._held:
            return
        self._held.discard(lease)
        mark = NOBODY_ELSES if ending is Ending.NOT_KEPT else b""
        command = ("EVAL", self._release, 1, lease, self._worker, mark, self._ms(self._settings.mark_s))
        self._writes.put(command, len(self._release))

    async def look(self, key: ExactKey, answer_name: str, last_byte: int) -> tuple[Reply, Reply]:
        """Return who asks for an answer, and what lies under its name. Raises RedisUnavailable.

        In this order: an answer is written before its lease is given up.
        """
        timeout_s = self._settings.look_timeout_s
        holder, value = await asyncio.gather(
            self._client.call("GET", _lease_name(key), timeout_s=timeout_s),
            self._client.call("GETRANGE", answer_name, 0, last_byte, timeout_s=timeout_s),
        )
        return holder, value

    def is_anothers(self, holder: Reply) -> bool:
        """Tell whether another worker asks."""
        return isinstance(holder, bytes) and holder not in (NOBODY_ELSES, self._worker.encode())

    async def pause(self, looks: int) -> None:
        """Wait until the next look, after so many."""
        await asyncio.sleep(min(self._settings.look_s_max, self._settings.look_s * 1.5**looks))

    async def aclose(self) -> None:
        """Renew nothing any more: what is held is over in a moment."""
        self._held.clear()
        if self._renewing is not None:
            self._renewing.cancel()
            await asyncio.wait([self._renewing])

    def stats(self) -> Mapping[str, int]:
        """Count claims: of this worker, and of others; and what is held now."""
        return {**self._counts, "leases_held": len(self._held)}

    def _hold(self, lease: str) -> None:
        self._held.add(lease)
        if self._renewing is None or self._renewing.done():
            self._renewing = asyncio.get_running_loop().create_task(self._renew(), name="redis-leases")

    async def _renew(self) -> None:
        """Renew what is held, until nothing is."""
        while self._held:
            await asyncio.sleep(self._settings.lease_s / 3)
            held = sorted(self._held)
            for at in range(0, len(held), self._settings.renewed_at_once):
                await self._prolong(held[at : at + self._settings.renewed_at_once])

    async def _prolong(self, leases: list[str]) -> None:
        lease_ms, timeout_s = self._ms(self._settings.lease_s), self._settings.look_timeout_s
        try:
            calls = [self._client.call("PEXPIRE", lease, lease_ms, timeout_s=timeout_s) for lease in leases]
        except RedisUnavailable:
            # Whoever finds it free asks too: that is all that becomes of it.
            return
        await asyncio.gather(*calls, return_exceptions=True)

    @staticmethod
    def _ms(seconds: float) -> int:
        return max(1, int(seconds * 1_000))


def _lease_name(key: ExactKey) -> str:
    return f"{tenant_prefix(key.tenant)}l:{key.digest}"


def watch(landing: Coroutine[Any, Any, Landing], tell: Callable[[Landing], None]) -> Callable[[], object]:
    """Tell, once, what is waited for; return what ends the waiting early, which is told as a failure."""
    waiting = asyncio.get_running_loop().create_task(landing, name="flight elsewhere")
    waiting.add_done_callback(partial(_tell, tell))
    return waiting.cancel


def _tell(tell: Callable[[Landing], None], waiting: "asyncio.Task[Landing]") -> None:
    landing = Landing(Ending.FAILED)
    try:
        if not waiting.cancelled():
            landing = waiting.result()
    finally:
        tell(landing)
