"""Watch the policy's directory, and call back with the text whenever it has become another.

The directory and not the file, with no filter on names: an editor that writes a new file and renames it, and a
Kubernetes ConfigMap that swaps its `..data` link, both leave the watched file itself untouched.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

from watchfiles import awatch

DEBOUNCE_MS = 50
"""A change is taken up when nothing has changed for so long: a file half written is not read."""
MOST_DEBOUNCE_MS = 500
"""Where changes do not cease, one is taken up this long after the first."""
POLL_MS = 1_000
"""The file is looked at this often in any case: network file systems and links to elsewhere give no events."""
MAX_BYTES = 2 * 1024 * 1024
"""More than any policy may have, so that what is too large is seen to be so without being read to its end."""

OnChange = Callable[[bytes], Awaitable[object]]
NamesOf = Callable[[bytes], Iterable[str]]
"""Takes a policy's text and returns the paths of the files that it names, which start from its folder."""
OnUnreadable = Callable[[str], object]


def _names_nothing(content: bytes) -> Iterable[str]:
    """Name no file."""
    return ()


class PolicyWatch:
    """Knows the last content that was read, and tells what differs from it."""

    def __init__(
        self,
        path: Path,
        known: bytes,
        on_change: OnChange,
        on_unreadable: OnUnreadable,
        names_of: NamesOf = _names_nothing,
    ) -> None:
        self._path = path
        self._known = known
        self._on_change = on_change
        self._on_unreadable = on_unreadable
        self._names_of = names_of
        self._named: dict[Path, bytes] | None = None
        self._trouble: str | None = None

    async def run(self) -> None:
        """Watch until cancelled.

        `on_change` is awaited with each new content, one at a time, and again with the same content when a file that it
        names has become another; `on_unreadable` is told once when the file cannot
        be read, and nothing else happens then. Raises OSError when the directory cannot be watched.
        """
        await self._read_named()
        changes = awatch(
            self._path.absolute().parent,
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
        """Read the file once, and call back if it has changed since it was last read."""
        try:
            content = await asyncio.to_thread(_read, self._path)
        except OSError as error:
            self._say(f"cannot read the policy {self._path}: {error.strerror or error}")
            return
        self._trouble = None
        is_new = content != self._known
        self._known = content
        named = self._named
        await self._read_named(is_new=is_new)
        if is_new or (named is not None and named != self._named):
            await self._on_change(content)

    async def _read_named(self, *, is_new: bool = True) -> None:
        """Read the files that the policy names: those that it named before, unless it is new."""
        self._named = await asyncio.to_thread(self._contents, is_new)

    def _contents(self, is_new: bool) -> dict[Path, bytes]:
        if is_new or self._named is None:
            paths = [self._path.parent / name for name in self._names_of(self._known)]
        else:
            paths = list(self._named)
        return {path: _read_if_there(path) for path in paths}

    def _say(self, trouble: str) -> None:
        if trouble != self._trouble:
            self._trouble = trouble
            self._on_unreadable(trouble)


def _read_if_there(path: Path) -> bytes:
    try:
        return _read(path)
    except (OSError, ValueError):
        return b""


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MAX_BYTES)
