"""What is said to Redis, as it is read by people and by the checks: which command a request's hold is, and whose."""

import hashlib
from collections.abc import Sequence
from importlib.resources import files
from typing import Final

from tests.support.redis_values import ErrorReply, Reply

Answer = ErrorReply | bytes | str | int | list[Reply] | None


def _source(name: str) -> bytes:
    return files("gateway.adapters").joinpath("lua", f"{name}.lua").read_bytes()


_SCRIPTS: Final = {
    word: name
    for name in ("hold", "settle")
    for word in (_source(name), hashlib.sha1(_source(name), usedforsecurity=False).hexdigest().encode())
}
_READS, _WRITES = (b"GETRANGE",), (b"SET", b"UNLINK")
_PURGES: Final = b"tg:{purges}"
_HEAD: Final = 5
"""Words of a script's command before its arguments: two of them are its keys."""
HELD_ID, REQUESTS_MAX = _HEAD + 1, _HEAD + 7
"""Places of two of the arguments of a hold."""


def phase_of(command: Sequence[bytes]) -> str:
    """Name what a command is for: `greeting`, `read`, `write`, `hold`, `settle` or `news`."""
    if command[0] in (b"EVAL", b"EVALSHA"):
        return _SCRIPTS.get(command[1], "script")
    if command[0] == b"PING":
        return "greeting"
    if command[1:2] and command[1].startswith(_PURGES):
        return "news"
    return "read" if command[0] in _READS else "write" if command[0] in _WRITES else "news"


def shown(command: Sequence[bytes], answer: Answer) -> str | None:
    """Tell of a command and its answer in a line; None of a look for news that found none."""
    phase = phase_of(command)
    if phase == "news" and answer in ([], b""):
        return None
    if phase in ("hold", "settle"):
        said = f"{command[0].decode()} {phase} {command[3].rpartition(b':')[2].decode()}"
    else:
        said = " ".join(_word(word) for word in command[:2])
    return f"{said} -> {_told(answer)}"


def _word(word: bytes) -> str:
    return word.rpartition(b":")[2][:12].decode("utf-8", "replace")


def _told(answer: Answer) -> str:
    match answer:
        case ErrorReply():
            return str(answer).partition(" ")[0]
        case bytes() if len(answer) > 24 or not answer.isascii():
            return f"{len(answer)} bytes"
        case bytes():
            return answer.decode()
        case list():
            return f"[{', '.join(_told(each) for each in answer[:4])}]"
        case _:
            return str(answer)
