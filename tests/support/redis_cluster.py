"""A real cluster of Redis or Valkey servers, whose primaries share all slots."""

from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass

from gateway.adapters.redis_cluster import ClusterClient, ClusterSettings
from gateway.adapters.redis_link import Reply
from gateway.adapters.redis_slots import SLOTS, Address
from gateway.adapters.redis_target import RedisTarget
from gateway.adapters.redis_turn import TurnSettings
from tests.support.redis_server import (
    PATIENT_S,
    MonotonicClock,
    RedisServer,
    client_of,
    closing,
    free_port,
    running_redis,
)
from tests.support.waiting import answered

HOST = "127.0.0.1"
_FAILS_AFTER_MS = 300


@dataclass(frozen=True, slots=True)
class Member:
    """One server of a cluster."""

    server: RedisServer
    address: Address
    bus_port: int
    """Where the servers speak with each other."""

    async def ask(self, *command: str | int) -> Reply:
        """Carry a command out on this server alone."""
        async with closing(client_of(self.server, failures=1_000)) as client:
            return await client.call(*command, timeout_s=PATIENT_S)

    async def id(self) -> str:
        """Return the name by which the cluster knows it."""
        told = await self.ask("CLUSTER", "MYID")
        assert isinstance(told, bytes)
        return told.decode()

    async def until(self, said: bytes, *command: str) -> None:
        """Ask until it says so."""
        await answered(lambda: self.ask(*command), lambda told: isinstance(told, bytes) and said in told)


@asynccontextmanager
async def running_cluster(primaries: int = 3, binary: str | None = None) -> AsyncIterator[list[Member]]:
    """Run a cluster for as long as the block lasts; member n owns the n-th share of the slots."""
    with ExitStack() as servers:
        members = [_start(servers, binary) for _ in range(primaries)]
        for number, member in enumerate(members):
            first, behind = SLOTS * number // primaries, SLOTS * (number + 1) // primaries
            await member.ask("CLUSTER", "ADDSLOTSRANGE", first, behind - 1)
            await join(member, members[0])
        for member in members:
            await member.until(b"cluster_state:ok", "CLUSTER", "INFO")
            await member.until(b"cluster_known_nodes:%d" % primaries, "CLUSTER", "INFO")
        yield members


@asynccontextmanager
async def replica_of(primary: Member) -> AsyncIterator[Member]:
    """Add a replica to a cluster."""
    with ExitStack() as servers:
        replica = _start(servers)
        await join(replica, primary)
        await replica.until((await primary.id()).encode(), "CLUSTER", "NODES")
        await replica.ask("CLUSTER", "REPLICATE", await primary.id())
        await replica.until(b"master_link_status:up", "INFO", "replication")
        yield replica


async def join(member: Member, other: Member) -> None:
    """Let a server know the cluster that another is in."""
    if member is not other:
        await member.ask("CLUSTER", "MEET", *other.address, other.bus_port)


def cluster_client_of(*members: Member, settings: ClusterSettings | None = None) -> ClusterClient:
    """Make a client that is told of these servers."""
    nodes = tuple(member.address for member in members)
    target = RedisTarget(host=nodes[0][0], port=nodes[0][1], nodes=nodes)
    patient = ClusterSettings(learn_every_s=0.01, learn_timeout_s=PATIENT_S, turn=TurnSettings(connect_s=PATIENT_S))
    clock = MonotonicClock()
    return ClusterClient(target, clock=clock, chance=lambda: 0.5, tell=lambda _: None, settings=settings or patient)


@asynccontextmanager
async def closing_cluster(client: ClusterClient) -> AsyncIterator[ClusterClient]:
    """Close the client behind the block."""
    try:
        yield client
    finally:
        await client.aclose()


def _start(servers: ExitStack, binary: str | None = None) -> Member:
    # The cluster's own port is another of the machine's free ones.
    port, bus_port = free_port(), free_port()
    options = {
        "--cluster-enabled": "yes",
        "--cluster-node-timeout": str(_FAILS_AFTER_MS),
        "--cluster-require-full-coverage": "no",
        "--repl-diskless-sync-delay": "0",
        "--bind": HOST,
        "--port": str(port),
        "--cluster-port": str(bus_port),
    }
    words = [word for option in options.items() for word in option]
    server = servers.enter_context(running_redis(*words, binary=binary))
    return Member(server, (HOST, port), bus_port)
