"""Labels on disk, for a gateway without Redis: one JSON line a label, appended; the workers of a machine share it."""

import fcntl
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from gateway.domain.feedback import Label

NAME: Final = "labels.jsonl"
_LOCK: Final = "labels.lock"
_WASTE: Final = 2
"""The file is written anew when it has this many times the lines that are still in force."""


class LabelFile:
    """Reads and appends labels in a directory, which is made when it is not there."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._path = directory / NAME
        self._encode = msgspec.json.Encoder().encode
        self._decode = msgspec.json.Decoder(Label).decode
        self.corrupt = 0
        """Lines that are no labels: half written when the machine stopped, or of another version."""

    def read(self) -> list[Label]:
        """Return the labels in the order in which they came. Raises OSError."""
        try:
            lines = self._path.read_bytes().splitlines()
        except FileNotFoundError:
            return []
        return list(self._labels(lines))

    def append(self, label: Label) -> None:
        """Add a label; it is on its way to the disk when this returns. Raises OSError."""
        with self._held(), self._path.open("ab") as file:
            # After a crash the last line may be half a one: a new line then begins behind it, not in it.
            file.write(b"" if _ends_whole(self._path) else b"\n")
            file.write(self._encode(label) + b"\n")

    def compact(self, in_force: Iterable[Label]) -> None:
        """Write the file anew if most of its lines are out of force. Call it with what `read` gave. Raises OSError."""
        kept = list(in_force)
        with self._held():
            lines = self._path.read_bytes().splitlines() if self._path.exists() else []
            if len(lines) <= _WASTE * len(kept):
                return
            known = {label.request_id for label in kept}
            # What another worker appended in the meantime is kept too.
            newer = [label for label in self._labels(lines) if label.request_id not in known]
            newest_s = max((label.at_s for label in kept), default=0.0)
            kept += [label for label in newer if label.at_s > newest_s]
            fresh = self._path.with_suffix(".new")
            fresh.write_bytes(b"".join(self._encode(label) + b"\n" for label in kept))
            os.replace(fresh, self._path)

    def _labels(self, lines: Iterable[bytes]) -> Iterator[Label]:
        for line in lines:
            if not line:
                continue
            try:
                yield self._decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError):
                self.corrupt += 1

    @contextmanager
    def _held(self) -> Iterator[None]:
        """Keep other processes from appending to a file that is being replaced."""
        self._directory.mkdir(parents=True, exist_ok=True)
        with (self._directory / _LOCK).open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _ends_whole(path: Path) -> bool:
    with path.open("rb") as file:
        size_bytes = file.seek(0, os.SEEK_END)
        if size_bytes == 0:
            return True
        file.seek(size_bytes - 1)
        return file.read(1) == b"\n"
