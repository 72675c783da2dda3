"""Rows to train on, as JSON lines in files that are rotated: what a request was, and what became of it.

Written by a thread every now and then; a request only leaves a reference to what is remembered of it anyway.
"""

from collections import deque
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import msgspec

from gateway.domain.feedback import AnsweredRequest, Feedback

PATTERN = "records-*.jsonl"
_Row = tuple[AnsweredRequest, Feedback | None]


@dataclass(frozen=True, slots=True)
class RecordsSettings:
    """Bounds: two gigabytes on disk, some two million rows; `waiting_max` rows until the next flush."""

    file_bytes_max: int = 64 * 1024 * 1024
    files_max: int = 32
    waiting_max: int = 10_000


class FileRecords:
    """Writes rows into a directory. `writer` names this process's files apart from those of others."""

    def __init__(self, directory: Path, writer: str, settings: RecordsSettings | None = None) -> None:
        self._directory = directory
        self._writer = writer
        self._settings = settings or RecordsSettings()
        self._waiting: deque[_Row] = deque(maxlen=self._settings.waiting_max)
        self._encode = msgspec.json.Encoder().encode
        self._number = 0
        self._lock = Lock()
        self.lost = 0
        """Rows that could not be written."""

    @property
    def waits(self) -> bool:
        """Tell whether there is anything to flush."""
        return bool(self._waiting)

    def write(self, answered: AnsweredRequest, feedback: Feedback | None) -> None:
        """Queue a row; the oldest is lost when too many wait."""
        if len(self._waiting) == self._settings.waiting_max:
            self.lost += 1
        self._waiting.append((answered, feedback))

    def flush(self) -> None:
        """Write what waits. Call it off the event loop."""
        with self._lock:
            rows = [self._waiting.popleft() for _ in range(len(self._waiting))]
            if not rows:
                return
            try:
                self._append(b"".join(map(self._line, rows)))
            except OSError:
                self.lost += len(rows)

    def _line(self, row: _Row) -> bytes:
        answered, said = row
        score, at_s = (None, None) if said is None else (said.score, said.at_s)
        return self._encode({**msgspec.to_builtins(answered), "label": score, "label_at_s": at_s}) + b"\n"

    def _append(self, lines: bytes) -> None:
        # Opened anew each time: a file that another process rotated away is begun again, not written to unseen.
        self._directory.mkdir(parents=True, exist_ok=True)
        path = self._path()
        with path.open("ab") as file:
            file.write(lines)
            is_full = file.tell() >= self._settings.file_bytes_max
        if is_full:
            self._number += 1
            self._forget_oldest()

    def _path(self) -> Path:
        return self._directory / f"records-{self._writer}-{self._number:06}.jsonl"

    def _forget_oldest(self) -> None:
        files = sorted(self._directory.glob(PATTERN), key=lambda path: path.stat().st_mtime)
        for path in files[: max(0, len(files) - self._settings.files_max)]:
            path.unlink(missing_ok=True)


class NoRecords:
    """Keeps nothing, where no directory was named."""

    lost = 0
    waits = False

    def write(self, answered: AnsweredRequest, feedback: Feedback | None) -> None:
        """Pass the row over."""

    def flush(self) -> None:
        """Nothing waits."""
