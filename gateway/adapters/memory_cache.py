"""The exact cache of one process."""

from collections import Counter
from collections.abc import Callable, Mapping

from gateway.adapters.memory_lru import ByteLru
from gateway.core.purges import PurgeMarks
from gateway.domain.cache_terms import ANSWER_BYTES_MAX
from gateway.domain.flight import Claim, Ending, Landing
from gateway.domain.identity import CachedAnswer, ExactKey
from gateway.domain.ids import RouteName, TenantId
from gateway.domain.purge import Selection, Tally
from gateway.ports import Clock

BYTES_MAX = 64 * 1024 * 1024
"""About thirty thousand answers of 2 kB for a worker."""

_DIGEST_CHARS = 64


class MemoryCache:
    """Keep whole answers in memory, least recently used out first."""

    def __init__(self, clock: Clock, *, bytes_max: int = BYTES_MAX) -> None:
        self._clock = clock
        self._entries: ByteLru[CachedAnswer] = ByteLru(bytes_max)
        self._purges: dict[TenantId, PurgeMarks] = {}
        self._counts = {"hits": 0, "misses": 0, "too_large": 0, "void": 0}

    async def get(self, key: ExactKey) -> CachedAnswer | None:
        """Return the answer kept under the key."""
        answer = self._entries.get(local_name(key), self._clock.now_s())
        self._counts["misses" if answer is None else "hits"] += 1
        return answer

    async def claim(self, key: ExactKey, within_s: float) -> Claim:
        """Return the answer kept under the key; where there is none, this worker asks for it: there is no other."""
        return Claim(await self.get(key), leads=True)

    def release(self, key: ExactKey, ending: Ending) -> None:
        """Nobody else waits."""

    def watch(self, key: ExactKey, tell: Callable[[Landing], None]) -> Callable[[], object]:
        """Tell at once that nobody else asks."""
        tell(Landing(Ending.FAILED))
        return bool

    def put(self, key: ExactKey, answer: CachedAnswer, ttl_s: float) -> None:
        """Keep the answer for `ttl_s`; a hit does not prolong it. Not one that was purged before it came."""
        if len(answer.body) > ANSWER_BYTES_MAX:
            self._counts["too_large"] += 1
            return
        marks = self._purges.get(key.tenant)
        if marks is not None and marks.makes_void(key.digest, answer):
            self._counts["void"] += 1
            return
        self._entries.put(local_name(key), answer, len(answer.body), self._clock.now_s() + ttl_s)

    def purge_number(self, tenant: TenantId) -> int:
        """Return the number of the tenant's last purge."""
        marks = self._purges.get(tenant)
        return 0 if marks is None else marks.number

    async def purge(self, selection: Selection) -> Tally:
        """Forget the answers selected, at once, and those that are under way."""
        marks = self._purges.setdefault(selection.tenant, PurgeMarks())
        marks.note(selection, int(self._clock.wall_s() * 1e3))
        names, tally = selected(self._entries, selection, self._clock.now_s())
        for name in names:
            self._entries.drop(name)
        return tally

    async def was_purged(self, key: ExactKey) -> bool:
        """Tell whether this very answer was purged before."""
        marks = self._purges.get(key.tenant)
        return marks is not None and marks.has_entry(key.digest)

    async def count(self, selection: Selection) -> Tally:
        """Count the answers selected."""
        return selected(self._entries, selection, self._clock.now_s())[1]

    async def listen(self) -> None:
        """Return: there are no others."""

    async def aclose(self) -> None:
        """Nothing to close."""

    def stats(self) -> Mapping[str, int | str]:
        """Count what happened since the start."""
        entries = self._entries
        held = {"entries": len(entries), "used_bytes": entries.used_bytes, "evicted": entries.evicted}
        return {**self._counts, **held}


def local_name(key: ExactKey) -> str:
    """Name an entry within the process. The digest has a fixed length, so no two keys share a name."""
    return key.digest + key.tenant


def key_named(name: str) -> ExactKey:
    """Return the key of an entry with this name."""
    return ExactKey(TenantId(name[_DIGEST_CHARS:]), name[:_DIGEST_CHARS])


def is_of(name: str, tenant: TenantId) -> bool:
    """Tell whether an entry with this name is the tenant's."""
    return name[_DIGEST_CHARS:] == tenant


def selected(entries: ByteLru[CachedAnswer], selection: Selection, now_s: float) -> tuple[list[str], Tally]:
    """Find the answers selected among those in memory: their names, and how much they are.

    Only for a single entry is not everything looked at.
    """
    if selection.entry is None:
        names = [name for name, _ in entries.items() if is_of(name, selection.tenant)]
    else:
        names = [local_name(ExactKey(selection.tenant, selection.entry))]
    found, size_bytes, by_route = [], 0, Counter[RouteName]()
    for name in names:
        answer = entries.get(name, now_s)
        if answer is not None and selection.holds(key_named(name).digest, answer.route, answer.stored_at_s):
            found.append(name)
            size_bytes += len(answer.body)
            by_route[answer.route] += 1
    return found, Tally(len(found), size_bytes, by_route=by_route)
