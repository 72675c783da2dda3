"""How the simulated model server behaves, and what its connections share."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from load_tests.answers import StreamParts, fault_reply, plain_reply, stream_parts

MAX_CHUNKS = 100_000
"""More than any model writes; a slip in a body must not keep a connection for hours."""

_MAX_TOKENS = re.compile(rb'"max(?:_completion)?_tokens"\s*:\s*(\d+)')
_SEED = re.compile(rb'"seed"\s*:\s*(\d+)')


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How the server behaves. `fail_every` n answers every nth completion with 503; 0 never.

    `obey_body` lets a streaming request set its own chunks (`max_tokens`) and the wait between them in microseconds
    (`seed`), so that one server serves paced and unpaced tests.
    """

    model: str = "simulated"
    first_byte_delay_s: float = 0.0
    chunks: int = 50
    chunk_delay_s: float = 0.0
    answer_bytes: int = 450
    fail_every: int = 0
    obey_body: bool = False


@dataclass(slots=True)
class Stats:
    """Counts since the start."""

    connections: int = 0
    closed: int = 0
    requests: int = 0
    streams: int = 0
    faults: int = 0
    chunks: int = 0
    unfinished: int = 0
    """Streams whose client left before the end."""


@dataclass(slots=True)
class Simulation:
    """What all connections share."""

    behaviour: Behaviour
    now_us: Callable[[], int]
    stats: Stats = field(default_factory=Stats)
    reply: bytes = b""
    fault: bytes = field(default_factory=fault_reply)
    streams: dict[int, StreamParts] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.reply = plain_reply(self.behaviour.model, self.behaviour.answer_bytes)

    def parts(self, chunks: int) -> StreamParts:
        """Return the parts of a stream of that length, made once a length."""
        if chunks not in self.streams:
            self.streams[chunks] = stream_parts(self.behaviour.model, chunks)
        return self.streams[chunks]

    def stream_of(self, body: bytes) -> tuple[int, float]:
        """Return the number of content chunks and the seconds between them for that request."""
        if not self.behaviour.obey_body:
            return self.behaviour.chunks, self.behaviour.chunk_delay_s
        tokens, seed = _MAX_TOKENS.search(body), _SEED.search(body)
        chunks = min(int(tokens[1]), MAX_CHUNKS) if tokens else self.behaviour.chunks
        return chunks, int(seed[1]) / 1e6 if seed else self.behaviour.chunk_delay_s
