"""Answers to probes, kept as they come: a run that ends early is taken up again, and nothing is paid for twice.

One JSON object a line: first which model it is, then the answers, in the order of their arrival.
"""

import fcntl
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self, TypeVar

import msgspec

OBJECT: Final = "tiergate_probe_answers"
VERSION: Final = 1
_OTHER: Final = "Move it away, or name another with --work FILE"

_Line = TypeVar("_Line", bound=msgspec.Struct)


class AnswersFileError(Exception):
    """The file cannot be used. The message says why, and what to do about it."""


class KeptAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """One answer. `key` names the probe; `is_cut` tells that it ended at `max_tokens`; tokens as the server says."""

    key: str
    text: str
    input_tokens: int
    output_tokens: int
    max_tokens: int
    is_cut: bool = False


class _Head(msgspec.Struct, frozen=True):
    object: str
    version: int
    model: str


class AnswersFile:
    """Holds the answers of one model to probes; the last of several to one probe counts. Close it at the end."""

    def __init__(self, path: Path, model: str) -> None:
        """Open the file, or make it. Raises AnswersFileError."""
        self.path = path
        self._answers: dict[str, KeptAnswer] = {}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file: BinaryIO = path.open("a+b")
        except OSError as error:
            raise AnswersFileError(f"{path} cannot be written: {error.strerror or error}") from error
        try:
            self._take_over(model)
        except (OSError, AnswersFileError):
            self._file.close()
            raise

    def _take_over(self, model: str) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise AnswersFileError(f"{self.path} is written by another run. Wait for its end") from error
        self._file.seek(0)
        sound = self._read(self._file.read(), model)
        # What a killed run left half written is dropped; the next answer starts a line of its own.
        self._file.truncate(sound)
        if not sound:
            self._write(_Head(OBJECT, VERSION, model))

    @property
    def answers(self) -> Mapping[str, KeptAnswer]:
        """Return what is kept, by the probe's key."""
        return self._answers

    def add(self, answer: KeptAnswer) -> None:
        """Keep an answer; it is in the file when this returns."""
        self._answers[answer.key] = answer
        self._write(answer)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _write(self, line: msgspec.Struct) -> None:
        self._file.write(msgspec.json.encode(line) + b"\n")
        self._file.flush()

    def _read(self, raw: bytes, model: str) -> int:
        """Take the answers in, and return the length of what is whole."""
        sound = raw.rfind(b"\n") + 1
        lines = raw[:sound].splitlines()
        if not lines:
            if not msgspec.json.encode(_Head(OBJECT, VERSION, model)).startswith(raw):
                raise AnswersFileError(f"{self.path}:1: not a file of answers to probes. {_OTHER}")
            return 0
        head = self._decode(lines[0], 1, _Head)
        if head.object != OBJECT or head.version != VERSION:
            raise AnswersFileError(f"{self.path}:1: not a file of answers to probes. {_OTHER}")
        if head.model != model:
            raise AnswersFileError(f"{self.path} holds answers of `{head.model}`, not of `{model}`. {_OTHER}")
        for number, line in enumerate(lines[1:], 2):
            answer = self._decode(line, number, KeptAnswer)
            self._answers[answer.key] = answer
        return sound

    def _decode(self, line: bytes, number: int, kind: type[_Line]) -> _Line:
        try:
            return msgspec.json.decode(line, type=kind)
        except msgspec.DecodeError as error:
            raise AnswersFileError(f"{self.path}:{number}: cannot be read ({error}). {_OTHER}") from error
