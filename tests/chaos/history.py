"""What clients write down: one line when a request is made, one when it is over, each on disk before anything else.

The ends are Jepsen's: what is known to have gone well (`ok`), what is known to have failed (`fail`), and what nobody
was told of (`info`), which a checker must allow to have gone either way. Times are the machine's wall clock, in
seconds, which all processes of a run share.
"""

import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO


class Known(Enum):
    """What the client knows of a request that is over."""

    OK = "ok"
    FAIL = "fail"
    INFO = "info"


class End(Enum):
    """How a request ended, as its client saw it."""

    DONE = "done"
    """A whole answer: with `[DONE]` and a sound end of the body, or, not streamed, with a 200."""
    ERROR = "error"
    """An error instead of an answer."""
    TOLD = "told"
    """Content, then an error in the stream, and no `[DONE]`. The official client has raised."""
    SILENT = "silent"
    """The connection ended within the answer, without a word."""
    NO_ANSWER = "no_answer"
    """The connection ended before an answer."""
    REFUSED = "refused"
    """No connection."""
    LEFT = "left"
    """The client itself broke off."""
    LATE = "late"
    """Not over when the client gave up waiting, long after every limit."""

    @property
    def known(self) -> Known:
        """What the client can be sure of."""
        if self is End.DONE:
            return Known.OK
        return Known.FAIL if self in {End.ERROR, End.TOLD, End.REFUSED} else Known.INFO


@dataclass(frozen=True, slots=True)
class Call:
    """A request, as it was made."""

    request: int
    client: str
    """`raw`, or `openai` for the official one."""
    alias: str
    tenant: str
    stream: bool
    tokens: int
    first_ms: int
    """How long the model server was told to take for its first token."""
    invoked_s: float


@dataclass(frozen=True, slots=True)
class Ending:
    """What came of a request."""

    request: int
    end: End
    ended_s: float
    status: int | None = None
    code: str | None = None
    """Of the error, before or within the answer."""
    request_id: str | None = None
    text: str = ""
    answer_ids: tuple[str, ...] = ()
    """The different `id`s that chunks of the answer had: each attempt's own."""
    finish_reason: str | None = None
    has_done: bool = False
    first_content_s: float | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Story:
    """A request and what came of it; None when its client was gone before that."""

    call: Call
    ending: Ending | None


class History:
    """A file of lines, written by one process, as a context."""

    def __init__(self, path: Path) -> None:
        self._file: BinaryIO = path.open("ab", buffering=0)

    def invoke(self, call: Call) -> None:
        """Write down a request that is about to be made."""
        self._write({"event": "invoke", **asdict(call)})

    def end(self, ending: Ending) -> None:
        """Write down what came of it."""
        self._write({"event": ending.end.known.value, **asdict(ending), "end": ending.end.value})

    def __enter__(self) -> "History":
        """Nothing to prepare."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Let go of the file."""
        self._file.close()

    def _write(self, line: dict[str, Any]) -> None:
        self._file.write(json.dumps(line).encode() + b"\n")


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Read a file of JSON lines; nothing where there is no file. The last line may be torn, and is then left out."""
    if not path.exists():
        return
    for line in path.read_bytes().split(b"\n")[:-1]:
        yield json.loads(line)


def read_stories(paths: Iterable[Path]) -> list[Story]:
    """Put histories together again. Raises ValueError for a request that was made or ended twice."""
    calls: dict[int, Call] = {}
    endings: dict[int, Ending] = {}
    for path in paths:
        for line in read_lines(path):
            request, event = int(line["request"]), line.pop("event")
            kept: dict[int, Any] = calls if event == "invoke" else endings
            if request in kept:
                raise ValueError(f"{path.name}: request {request} is written down twice as {event}")
            if event == "invoke":
                calls[request] = Call(**line)
            else:
                line |= {"end": End(line["end"]), "answer_ids": tuple(line["answer_ids"])}
                endings[request] = Ending(**line)
    return [Story(call, endings.get(request)) for request, call in sorted(calls.items())]


def now_s() -> float:
    """The clock of every history, journal and receipt of a run."""
    return time.time()
