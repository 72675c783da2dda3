"""Values as Redis keeps them: by name, of one type, until their time. Times are of the server's own clock."""

from collections.abc import Callable
from typing import TypeAlias, TypeVar

Reply: TypeAlias = "bytes | str | int | list[Reply] | None"
"""What a command answers: `bytes` are a value, `str` a status such as OK."""
StreamId: TypeAlias = tuple[int, int]


class Hash(dict[bytes, bytes]):
    """Fields of a hash."""


class Scores(dict[bytes, int]):
    """Members of a sorted set, with whole scores."""


class Members(dict[bytes, None]):
    """Members of a set, in the order in which they came."""


class Stream(dict[StreamId, list[bytes]]):
    """Entries of a stream, the oldest first."""


T = TypeVar("T", bytes, Hash, Scores, Members, Stream)


class ErrorReply(Exception):
    """What a server answers instead; its first word is its code."""


class Keyspace:
    """What a server holds. `now_us` is its clock: microseconds since the epoch."""

    def __init__(self, now_us: Callable[[], int]) -> None:
        self.now_us = now_us
        self._values: dict[bytes, bytes | Hash | Scores | Members | Stream] = {}
        self._ends_ms: dict[bytes, int] = {}

    def now_ms(self) -> int:
        """Tell the time in milliseconds."""
        return self.now_us() // 1_000

    def find(self, key: bytes, kind: type[T]) -> T | None:
        """Return the value. Raises ErrorReply for one of another type."""
        value = self._values.get(key) if self.exists(key) else None
        if value is None or isinstance(value, kind):
            return value
        raise ErrorReply("WRONGTYPE Operation against a key holding the wrong kind of value")

    def make(self, key: bytes, kind: type[T]) -> T:
        """Return the value, an empty one where there was none. Raises ErrorReply for one of another type."""
        value = self.find(key, kind)
        if value is None:
            value = self._values[key] = kind()
        return value

    def put(self, key: bytes, value: bytes) -> None:
        """Keep a value for ever in the place of whatever there was."""
        self.drop(key)
        self._values[key] = value

    def drop(self, key: bytes) -> bool:
        """Forget a value; return whether there was one."""
        was_there = self.exists(key)
        self._values.pop(key, None)
        self._ends_ms.pop(key, None)
        return was_there

    def named(self, beginning: bytes) -> list[bytes]:
        """Return the names of all values that begin so."""
        return [key for key in list(self._values) if key.startswith(beginning) and self.exists(key)]

    def exists(self, key: bytes) -> bool:
        """Tell whether there is a value whose time is not over; one whose time is over is forgotten."""
        end_ms = self._ends_ms.get(key)
        if end_ms is not None and end_ms <= self.now_ms():
            del self._values[key], self._ends_ms[key]
        return key in self._values

    def expire(self, key: bytes, in_ms: int) -> bool:
        """Let a value end then; return whether there is one."""
        if not self.exists(key):
            return False
        self._ends_ms[key] = self.now_ms() + in_ms
        return True

    def left_ms(self, key: bytes) -> int:
        """Tell how long a value will last: -1 is for ever, -2 that there is none."""
        if not self.exists(key):
            return -2
        return self._ends_ms[key] - self.now_ms() if key in self._ends_ms else -1

    def names(self) -> list[bytes]:
        """Name what is there."""
        return [key for key in list(self._values) if self.exists(key)]

    def clear(self) -> None:
        """Forget everything."""
        self._values.clear()
        self._ends_ms.clear()
