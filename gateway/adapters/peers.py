"""Workers of one gateway that ask each other, through sockets in a folder that is theirs alone.

    ["receipt", tenant, request id] ─▶ every other worker ─▶ its answer, as bytes, or nothing

One question a connection, seldom asked: what a worker keeps for itself is looked for by people and scrapes only.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

ANSWER_WITHIN_S: Final = 1.0
"""A worker that is held up for longer is left out."""
QUESTION_BYTES_MAX: Final = 4_096
ANSWER_BYTES_MAX: Final = 64 * 1024 * 1024

Answer = Callable[[Sequence[str]], Awaitable[bytes]]
"""Given the rest of the question; answers nothing where there is nothing to say."""


class Peers:
    """One worker among its like. Without a folder it is the only one."""

    def __init__(self, folder: Path | None, number: int, *, within_s: float = ANSWER_WITHIN_S) -> None:
        self._folder = folder
        self._own = f"{number}.sock"
        self._within_s = within_s
        self._decode = msgspec.json.Decoder(list[str]).decode
        self.answers: dict[str, Answer] = {}
        """By the first word of the question. Whoever knows an answer adds itself."""
        self.is_listening = False
        """Whether others can ask here."""
        self._answering: set[asyncio.Task[None]] = set()

    async def listen(self) -> None:
        """Answer the others until cancelled; return where there are none. Raises OSError where no socket can be had."""
        if self._folder is None:
            return
        path = self._folder / self._own
        # Of a worker that had this place before.
        path.unlink(missing_ok=True)
        server = await asyncio.start_unix_server(self._accept, path, limit=QUESTION_BYTES_MAX)
        try:
            async with server:
                self.is_listening = True
                await server.serve_forever()
        finally:
            # Whoever asks a worker that ends is told nothing, and what was under way for it ends too.
            for task in self._answering:
                task.cancel()
            if self._answering:
                await asyncio.wait(self._answering)

    async def ask(self, *question: str) -> list[bytes]:
        """Ask all others at once, and return the answers of those that have one and give it in time."""
        if self._folder is None:
            return []
        others = [path for path in sorted(self._folder.glob("*.sock")) if path.name != self._own]
        line = msgspec.json.encode(question) + b"\n"
        return [answer for answer in await asyncio.gather(*(self._ask(path, line) for path in others)) if answer]

    async def _ask(self, path: Path, line: bytes) -> bytes:
        # One that has ended leaves its socket behind.
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(self._within_s):
                reader, writer = await asyncio.open_unix_connection(path)
                try:
                    writer.write(line)
                    return await _read_all(reader)
                finally:
                    writer.close()
        return b""

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A task of the streams' own making that is cancelled is told to the loop as a fault, up to Python 3.12.
        task = asyncio.create_task(self._serve(reader, writer))
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(OSError, TimeoutError, msgspec.DecodeError, ValueError):
                async with asyncio.timeout(self._within_s):
                    what, *rest = self._decode(await reader.readline())
                    if what in self.answers:
                        writer.write(await self.answers[what](rest))
                        await writer.drain()
        finally:
            writer.close()


async def _read_all(reader: asyncio.StreamReader) -> bytes:
    """Read to the end; of an answer that does not end, nothing."""
    parts, size_bytes = [], 0
    while part := await reader.read(256 * 1024):
        parts.append(part)
        size_bytes += len(part)
        if size_bytes > ANSWER_BYTES_MAX:
            return b""
    return b"".join(parts)
