"""The Redis of a run, on virtual time: what gateways send to it over simulated connections is carried out in order.

The gateways' own connection, scripts and stores talk to it in the Redis protocol. What befalls it is the case's.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Final

import hiredis

from gateway.adapters.redis_keys import tenant_prefix
from gateway.domain.ids import TenantId
from tests.sim.history import History
from tests.sim.loop import VirtualLoop
from tests.sim.policies import TENANTS
from tests.sim.redis_case import AWAY, Redis, RedisFault, RedisTrouble
from tests.sim.redis_wire import SimConnection
from tests.sim.redis_words import HELD_ID, Answer, phase_of, shown
from tests.sim.server import Noted
from tests.support.redis_in_memory import RedisInMemory, encoded
from tests.support.redis_values import ErrorReply, Hash

HOST: Final = "redis"
_MINUTE_S: Final = 60
_PIECE_S: Final = 0.0004
"""How long after another a piece of an answer comes at most."""
_REFUSALS: Final = {
    RedisTrouble.LOADING: "LOADING",
    RedisTrouble.READONLY: "READONLY",
    RedisTrouble.FULL: "OOM",
}
_RESETS: Final = (
    RedisTrouble.RESET_UNREAD,
    RedisTrouble.RESET_UNTOLD,
    RedisTrouble.RESET_WITHIN,
    RedisTrouble.RESET_BEHIND,
)


class SimRedis:
    """One server. `noted` is told of each fault that was met, and in which phase."""

    def __init__(
        self, case: Redis, seed: int, loop: VirtualLoop, wall_s: Callable[[], float], history: History, noted: Noted
    ) -> None:
        self.connections: list[SimConnection] = []
        self.verdicts: dict[str, bytes] = {}
        """What each hold was answered, by request: the refusal, or nothing."""
        self.granted: Counter[tuple[str, int]] = Counter()
        """How many holds were granted to a tenant in a minute of this server's clock."""
        self.lost_usd_nano: Counter[str] = Counter()
        """What was posted to each tenant and lost with the data."""
        self.memory = RedisInMemory(self._now_us)
        self._case = case
        self._loop = loop
        self._wall_s = wall_s
        self._history = history
        self._noted = noted
        self._draws = Random(f"redis {seed}")
        self._zero_s = zero_s = loop.time()
        self._faults = [(zero_s + fault.from_s, zero_s + fault.to_s, fault) for fault in case.faults]
        self._count = 0
        self._has_forgotten: RedisTrouble | None = None
        for fault in case.faults:
            if fault.kind in (*AWAY, RedisTrouble.FORGETS):
                loop.call_at(self._zero_s + fault.from_s, self._begin, fault)

    async def connect(
        self, make_protocol: Callable[[], asyncio.BaseProtocol]
    ) -> tuple[asyncio.Transport, asyncio.BaseProtocol]:
        """Take a connection. Raises ConnectionRefusedError where nobody listens."""
        hole = self._fault(RedisTrouble.HOLE)
        if hole is not None:
            self._noted(hole.kind, "connect")
            await asyncio.sleep(self._zero_s + hole.to_s - self._loop.time())
        await asyncio.sleep(2 * self._case.way_s)
        away = self._fault(*AWAY)
        if away is not None:
            self._noted(away.kind, "connect")
            raise ConnectionRefusedError("simulated: connection refused")
        protocol = make_protocol()
        assert isinstance(protocol, asyncio.Protocol)
        self._count += 1
        connection = SimConnection(self._count, protocol, self._case.way_s, self._arrived, self._over)
        self.connections.append(connection)
        self._history.note("redis", f"{connection.number}: connected")
        protocol.connection_made(connection)
        return connection, protocol

    def _over(self, connection: SimConnection) -> None:
        self.connections.remove(connection)
        self._history.note("redis", f"{connection.number}: over")

    def _begin(self, fault: RedisFault) -> None:
        """Let a trouble of the whole server begin."""
        self._history.note("redis", f"{fault.kind.value} for {fault.to_s - fault.from_s:g} s")
        self._has_forgotten = fault.kind
        self.memory.scripts.forget()
        if fault.kind is RedisTrouble.FORGETS:
            return
        for connection in list(self.connections):
            self._noted(fault.kind, "connected")
            connection.reset(self._loop.time())
        if fault.kind is RedisTrouble.LOSS:
            self._lose_everything()

    def _lose_everything(self) -> None:
        for tenant in TENANTS:
            self.lost_usd_nano[tenant] += self._posted_usd_nano(tenant)
        self.memory.keys.clear()
        self.verdicts.clear()
        self.granted.clear()

    def _posted_usd_nano(self, tenant: str) -> int:
        """Tell what the books have posted to a tenant, in all windows."""
        begin = f"{tenant_prefix(TenantId(tenant))}l:b:".encode()
        books = [self.memory.keys.find(key, Hash) for key in self.memory.keys.names() if key.startswith(begin)]
        return sum([int(book.get(b"posted", b"0")) for book in books if book is not None])

    def _arrived(self, connection: SimConnection, data: bytes, at_s: float) -> None:
        if connection.is_swallowed or connection.is_reset:
            return
        stops = self._fault(RedisTrouble.FROZEN, RedisTrouble.HOLE, at_s=at_s)
        for command in _commands(data):
            if stops is not None:
                self._noted(stops.kind, phase_of(command))
            elif not connection.is_reset:
                self._take(connection, command, at_s)
        if stops is not None and stops.kind is RedisTrouble.FROZEN:
            connection.put_off(data, self._zero_s + stops.to_s)
        connection.is_swallowed = stops is not None and stops.kind is RedisTrouble.HOLE

    def _take(self, connection: SimConnection, command: Sequence[bytes], at_s: float) -> None:
        """Carry out a command and send its answer, with what befalls it."""
        phase, reset = phase_of(command), self._drawn(_RESETS, at_s)
        if reset is not None:
            self._noted(reset, phase)
        if reset is RedisTrouble.RESET_UNREAD:
            connection.reset(at_s)
            return
        answer = self._carry_out(connection, command, phase, at_s)
        written = encoded(answer)
        slow = self._fault(RedisTrouble.SLOW, at_s=at_s)
        if slow is not None:
            self._noted(slow.kind, phase)
            at_s += slow.late_s
        if reset is None or reset is RedisTrouble.RESET_BEHIND:
            self._send(connection, written, phase, at_s)
        elif reset is RedisTrouble.RESET_WITHIN:
            connection.answer(written[: self._draws.randrange(1, len(written))], at_s)
        if reset is not None:
            connection.reset(at_s)

    def _send(self, connection: SimConnection, written: bytes, phase: str, at_s: float) -> None:
        again, connection.last_answer = connection.last_answer, written
        if again and self._drawn((RedisTrouble.MIXED_UP,), at_s) is not None:
            self._noted(RedisTrouble.MIXED_UP, phase)
            written = again + written
        if self._fault(RedisTrouble.SPLIT, at_s=at_s) is None:
            connection.answer(written, at_s)
            return
        self._noted(RedisTrouble.SPLIT, phase)
        cuts = sorted(self._draws.sample(range(1, len(written)), min(3, len(written) - 1)))
        for begin, end in zip((0, *cuts), (*cuts, len(written)), strict=True):
            connection.answer(written[begin:end], at_s)
            at_s += self._draws.random() * _PIECE_S

    def _carry_out(self, connection: SimConnection, command: Sequence[bytes], phase: str, at_s: float) -> Answer:
        memory = self.memory
        memory.is_loading = self._fault(RedisTrouble.LOADING, at_s=at_s) is not None
        memory.is_replica = self._fault(RedisTrouble.READONLY, at_s=at_s) is not None
        memory.is_full = self._fault(RedisTrouble.FULL, at_s=at_s) is not None
        answer = memory.carry_out(command)
        self._note(connection, command, answer, phase)
        if phase == "hold" and isinstance(answer, list):
            self._note_verdict(command, answer)
        return answer

    def _note(self, connection: SimConnection, command: Sequence[bytes], answer: Answer, phase: str) -> None:
        told = shown(command, answer)
        if told is not None:
            self._history.note("redis", f"{connection.number}: {told}")
        if self._fault(RedisTrouble.CLOCK) is not None and phase in ("hold", "settle"):
            self._noted(RedisTrouble.CLOCK, phase)
        if not isinstance(answer, ErrorReply):
            return
        code = str(answer).partition(" ")[0]
        for kind, refusal in _REFUSALS.items():
            if code == refusal:
                self._noted(kind, phase)
        if code == "NOSCRIPT" and self._has_forgotten is not None:
            self._noted(self._has_forgotten, phase)

    def _note_verdict(self, command: Sequence[bytes], answer: Sequence[object]) -> None:
        request, refusal = command[HELD_ID].decode(), answer[0]
        assert isinstance(refusal, bytes)
        if request not in self.verdicts and not refusal:
            tenant = next(name for name in TENANTS if command[3].startswith(tenant_prefix(TenantId(name)).encode()))
            self.granted[tenant, self._now_us() // 1_000_000 // _MINUTE_S] += 1
        self.verdicts[request] = refusal

    def _drawn(self, kinds: Sequence[RedisTrouble], at_s: float) -> RedisTrouble | None:
        """Draw whether a trouble of single commands meets this one."""
        fault = self._fault(*kinds, at_s=at_s)
        return fault.kind if fault is not None and self._draws.random() < fault.rate else None

    def _fault(self, *kinds: RedisTrouble, at_s: float | None = None) -> RedisFault | None:
        """Return what lasts, of these kinds, now or at a time of the loop."""
        at_s = self._loop.time() if at_s is None else at_s
        return next((one for from_s, to_s, one in self._faults if from_s <= at_s < to_s and one.kind in kinds), None)

    def _now_us(self) -> int:
        clock = self._fault(RedisTrouble.CLOCK)
        return int((self._wall_s() + (0.0 if clock is None else clock.ahead_s)) * 1e6)


def _commands(data: bytes) -> Iterator[list[bytes]]:
    """Yield the commands of a write, which is never cut."""
    reader = hiredis.Reader(notEnoughData=...)
    reader.feed(data)
    while (command := reader.gets()) is not ...:
        yield command
