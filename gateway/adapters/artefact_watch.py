"""Watch the difficulty model's directory, and call back whenever something in it has become another.

Files are written one after the other, so a model may be looked at half written: it is then refused by its manifest, and
looked at again when the next file has changed.
"""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from watchfiles import awatch

DEBOUNCE_MS = 100
"""A change is taken up when nothing has changed for so long."""
MOST_DEBOUNCE_MS = 2_000
POLL_MS = 1_000
"""The directory is looked at this often in any case: one swapped by a link to another gives no event."""

_Seen = frozenset[tuple[str, int, int]]


class ArtefactWatch:
    """Knows names, sizes and times of the files that were there when it last called back."""

    def __init__(self, directory: Path, on_change: Callable[[], Awaitable[object]]) -> None:
        self._directory = directory
        self._on_change = on_change
        self._seen: _Seen | None = None

    async def run(self) -> None:
        """Watch until cancelled. `on_change` is awaited at the start too, for what changed before anybody watched.

        Raises OSError when the directory cannot be watched.
        """
        changes = awatch(
            self._directory.absolute(),
            watch_filter=None,
            debounce=MOST_DEBOUNCE_MS,
            step=DEBOUNCE_MS,
            rust_timeout=POLL_MS,
            yield_on_timeout=True,
            recursive=False,
        )
        async for _ in changes:
            await self.look()

    async def look(self) -> None:
        """Look at the directory once, and call back if it has changed."""
        seen = await asyncio.to_thread(_look, self._directory)
        if seen != self._seen:
            self._seen = seen
            await self._on_change()


def _look(directory: Path) -> _Seen:
    """Return what tells files apart; nothing of a file or directory that is not there at this moment."""
    seen = set()
    try:
        for path in directory.iterdir():
            found = path.stat()
            seen.add((path.name, found.st_size, found.st_mtime_ns))
    except OSError:
        seen.add(("", 0, 0))
    return frozenset(seen)
