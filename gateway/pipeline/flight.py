"""A flight: a request under way whose answer like ones of the same tenant wait for, instead of being made themselves.

The first of them leads, and travels on as any request does. Who follows is served from what the leader's server sends:
a stream from its beginning on, as it comes, or the whole answer once the cache has it. A leader whose client leaves
goes on for its followers; with the last of them its call ends, as any call does whose client leaves.

A flight without followers costs its entry in a table: no task, no copy, no waiting.
"""

from collections.abc import Callable
from typing import Protocol, TypeAlias

from gateway.core.flight import FOLLOWERS_MAX
from gateway.domain.flight import Ending
from gateway.domain.identity import CachedAnswer, ExactKey
from gateway.domain.ids import TenantId
from gateway.domain.tier import Tier
from gateway.pipeline.kept import Kept, Reader
from gateway.pipeline.outlet import Outlet
from gateway.ports import Responder

FlightName: TypeAlias = tuple[TenantId, str]
"""Partition and digest of the answer's key: looked up in a tenth of the time that the key itself would take."""


class Leader(Protocol):
    """The request that leads: followers change how it is answered, so that none of them waits for its client."""

    responder: Responder


class Flight:
    """One request that travels for all who ask the same.

    `leader` is None of one in another worker. `until_s` tells when its own time is up; monotonic.
    """

    __slots__ = (
        "_abandon",
        "_leader",
        "answer",
        "ending",
        "followers",
        "is_deserted",
        "key",
        "name",
        "purge",
        "stream",
        "tier",
        "until_s",
    )

    def __init__(self, key: ExactKey, leader: Leader | None, until_s: Callable[[], float], purge: int) -> None:
        self.key = key
        self.purge = purge
        """Number of the tenant's last purge when it began. Who comes after a later one is not to have its answer."""
        self.name: FlightName = (key.tenant, key.digest)
        self.until_s = until_s
        self.followers: dict[Reader, None] = {}
        """In the order in which they came."""
        self.ending: Ending | None = None
        self.answer: CachedAnswer | None = None
        """What the cache has of it, once it has ended as `Ending.KEPT`."""
        self.stream: Kept | None = None
        """What came of a streamed answer, once there is content."""
        self.tier: Tier | None = None
        """Whose answer the stream is."""
        self.is_deserted = False
        """Its own client has left."""
        self._leader = leader
        self._abandon: Callable[[], object] | None = None

    @property
    def is_followed(self) -> bool:
        """Tell whether anybody waits for it beside its own client."""
        return bool(self.followers)

    @property
    def takes_more(self) -> bool:
        """Tell whether a further request may follow: all of its answer must be there, and nobody hold it up."""
        if self.ending is not None or len(self.followers) >= FOLLOWERS_MAX:
            return False
        if self.stream is not None and not self.stream.is_whole:
            return False
        # A client that does not read holds its own server back, and would hold back whoever joined it now.
        return self.is_followed or self._leader is None or not self._leader.responder.is_full

    def join(self, reader: Reader) -> None:
        """Add a follower."""
        if self._leader is not None and not isinstance(self._leader.responder, Outlet):
            self._leader.responder = Outlet(self._leader.responder)
        self.followers[reader] = None
        if self.stream is not None:
            self.stream.readers = self.followers

    def leave(self, reader: Reader) -> None:
        """Take a follower out. When nobody is left who waits for the answer, its call ends."""
        del self.followers[reader]
        if self.stream is not None:
            self.stream.let_go_on()
        if self.is_deserted and not self.followers:
            self._give_up()

    def carried_by(self, abandon: Callable[[], object]) -> Callable[[], None]:
        """Take how to end the call; return what to do when the leader's client leaves."""
        self._abandon = abandon
        return self._client_left

    def streams(self, stream: Kept, tier: Tier) -> None:
        """Let followers read the answer from now on."""
        self.stream, self.tier = stream, tier
        stream.readers = self.followers
        self.tell()

    def is_written(self) -> None:
        """Say that the stream is complete, and nothing more will come."""
        if self.stream is not None:
            self.stream.is_written = True
        self.tell()

    def tell(self) -> None:
        """Let every follower look again."""
        for reader in self.followers:
            reader.wake()

    def let_go(self) -> None:
        """Forget the call that carried it, which leads back to here."""
        self._abandon = None

    def _client_left(self) -> None:
        self.is_deserted = True
        if not self.followers:
            self._give_up()

    def _give_up(self) -> None:
        if self._abandon is not None:
            self._abandon()
