"""A Redis server in memory: the commands that the gateway sends, and its Lua scripts, on a clock that is given.

It is held to the contract suites of the stores beside a real Valkey (`tests/contract`), and serves the simulation.
"""

from collections.abc import Callable, Sequence

from tests.support.redis_commands import COMMANDS
from tests.support.redis_lua import Scripts
from tests.support.redis_values import ErrorReply, Keyspace, Reply

_WRITES = "READONLY You can't write against a read only replica."
_GROWS = "OOM command not allowed when used memory > 'maxmemory'."


class RedisInMemory:
    """Carries out one command after the other. `now_us` is its clock: microseconds since the epoch."""

    def __init__(self, now_us: Callable[[], int]) -> None:
        self.keys = Keyspace(now_us)
        self.scripts = Scripts(self._call)
        self.is_loading = False
        self.is_replica = False
        self.is_full = False
        self.unknown: list[str] = []
        """Commands that were sent and are not known here: the fault of whoever wrote this."""
        self._has_written = False

    def answer(self, command: Sequence[bytes]) -> bytes:
        """Carry out a command and return the answer as it is sent."""
        return encoded(self.carry_out(command))

    def carry_out(self, command: Sequence[bytes]) -> "Reply | ErrorReply":
        """Carry out a command and return the answer."""
        try:
            return self._execute(command)
        except ErrorReply as error:
            return error

    def _execute(self, command: Sequence[bytes]) -> Reply:
        if self.is_loading:
            raise ErrorReply("LOADING Redis is loading the dataset in memory")
        name, *given = command
        self._has_written = False
        if name in (b"EVAL", b"EVALSHA"):
            digest = self.scripts.learn(given[0]) if name == b"EVAL" else given[0]
            count = int(given[1])
            return self.scripts.run(digest, given[2 : 2 + count], given[2 + count :])
        return self._call(command)

    def _call(self, command: Sequence[bytes]) -> Reply:
        """Carry out a command of a client or of a script. A script that has written already may also grow."""
        known = COMMANDS.get(command[0])
        if known is None:
            self.unknown.append(command[0].decode())
            raise ErrorReply(f"ERR unknown command '{command[0].decode()}'")
        if known.writes and self.is_replica:
            raise ErrorReply(_WRITES)
        if known.grows and self.is_full and not self._has_written:
            raise ErrorReply(_GROWS)
        self._has_written = self._has_written or known.writes
        return known.act(self.keys, command[1:])


def encoded(reply: "Reply | ErrorReply") -> bytes:
    """Write an answer in the Redis protocol."""
    match reply:
        case ErrorReply():
            return b"-%b\r\n" % str(reply).encode()
        case None:
            return b"$-1\r\n"
        case int():
            return b":%d\r\n" % reply
        case bytes():
            return b"$%d\r\n%b\r\n" % (len(reply), reply)
        case str():
            return b"+%b\r\n" % reply.encode()
        case list():
            return b"*%d\r\n" % len(reply) + b"".join([encoded(each) for each in reply])
