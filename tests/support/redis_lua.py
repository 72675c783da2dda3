"""Lua scripts run as Redis runs them: Lua 5.1, values as bytes, `redis.call` on the server's own store."""

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

from lupa import lua51

from tests.support.redis_values import ErrorReply, Reply


class Scripts:
    """The scripts that a server knows. `call` carries out a command of a script, and raises what it is answered."""

    def __init__(self, call: Callable[[Sequence[bytes]], Reply]) -> None:
        self._call = call
        self._lua = lua51.LuaRuntime(encoding=None, register_eval=False, register_builtins=False)
        redis = self._lua.table()
        redis[b"call"] = self._on_call
        self._globals = self._lua.globals()
        self._globals[b"redis"] = redis
        self._known: dict[bytes, Any] = {}

    def learn(self, source: bytes) -> bytes:
        """Compile a script and return its digest."""
        digest = hashlib.sha1(source, usedforsecurity=False).hexdigest().encode()
        if digest not in self._known:
            self._known[digest] = self._lua.compile(source)
        return digest

    def forget(self) -> None:
        """Know no script any more."""
        self._known.clear()

    def run(self, digest: bytes, keys: Sequence[bytes], arguments: Sequence[bytes]) -> Reply:
        """Run a script. Raises ErrorReply where it is not known, and what its commands are answered."""
        script = self._known.get(digest)
        if script is None:
            raise ErrorReply("NOSCRIPT No matching script. Please use EVAL.")
        self._globals[b"KEYS"] = self._lua.table_from(keys)
        self._globals[b"ARGV"] = self._lua.table_from(arguments)
        return _to_reply(script())

    def _on_call(self, *words: bytes | float) -> object:
        return self._to_lua(self._call([_to_argument(word) for word in words]))

    def _to_lua(self, reply: Reply) -> object:
        if reply is None:
            return False
        if isinstance(reply, list):
            return self._lua.table_from([self._to_lua(each) for each in reply])
        if isinstance(reply, str):
            status = self._lua.table()
            status[b"ok"] = reply.encode()
            return status
        return reply


def _to_argument(word: bytes | float) -> bytes:
    return word if isinstance(word, bytes) else repr(word).encode()


def _to_reply(value: Any) -> Reply:
    """Turn what a script returns into a reply, as Redis does: false is nil, a table ends before its first hole."""
    if value is None or value is False:
        return None
    if isinstance(value, bytes):
        return value
    if isinstance(value, int | float):
        return int(value)
    if (status := value[b"ok"]) is not None:
        return str(status.decode())
    replies: list[Reply] = []
    while (each := value[len(replies) + 1]) is not None:
        replies.append(_to_reply(each))
    return replies
