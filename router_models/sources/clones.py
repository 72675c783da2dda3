"""Find the files of a public repository in a local clone, and read them so that every failure names its place."""

import csv
import json
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from router_models.data import DataError

Told = Callable[[str, int, int], None]
"""Called as (what was read, files done, files in all)."""


@dataclass(frozen=True, slots=True)
class Repository:
    """A public repository on GitHub, and the commit whose files the shipped model was trained on."""

    owner: str
    name: str
    commit: str

    @property
    def fetch(self) -> str:
        """Return the commands that fetch it."""
        url = f"https://github.com/{self.owner}/{self.name}"
        return f"git clone {url} {self.name} && git -C {self.name} checkout {self.commit}"

    def clone_in(self, directory: Path) -> Path:
        """Return where its clone lies below a directory, as NAME or OWNER/NAME. Raises DataError."""
        for place in (directory / self.name, directory / self.owner / self.name):
            if place.is_dir():
                return place
        raise DataError(f"{directory / self.name} is not there. Fetch it, in {directory}: {self.fetch}")

    def files_in(self, clone: Path, pattern: str) -> list[Path]:
        """Return the files that match, in order of their names. Raises DataError when there is none."""
        found = sorted(clone.glob(pattern))
        if not found:
            raise DataError(f"{clone / pattern} is not there. Is the clone complete? {self.fetch}")
        return found


@dataclass(frozen=True, slots=True)
class Row:
    """One object of a file, and the words that name its place: a field of the wrong kind is told with both."""

    where: str
    fields: dict[str, object]

    def text(self, *names: str) -> str:
        """Return the first of these fields that is there; all of them are text. An absent answer (null) is empty."""
        for name in names:
            if name in self.fields:
                value = self.fields[name]
                if value is None or isinstance(value, str):
                    return value or ""
                raise self.broken(f"{name!r} is no text")
        raise self.broken(f"there is no {' or '.join(map(repr, names))}")

    def texts(self, name: str) -> list[str]:
        """Return a field that is a list of texts."""
        value = self.fields.get(name)
        if not isinstance(value, list) or not all(each is None or isinstance(each, str) for each in value):
            raise self.broken(f"{name!r} is no list of texts")
        return [each or "" for each in value]

    def number(self, name: str) -> float:
        """Return a field that is a number."""
        value = self.fields.get(name)
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise self.broken(f"{name!r} is no number")
        return float(value)

    def numbers(self, name: str) -> dict[str, float]:
        """Return a field that maps names to numbers."""
        value = self.fields.get(name)
        if not isinstance(value, dict) or not all(isinstance(each, int | float) for each in value.values()):
            raise self.broken(f"{name!r} does not map names to numbers")
        return {str(key): float(each) for key, each in value.items()}

    def broken(self, what: str) -> DataError:
        """Return an error that names the place."""
        return DataError(f"{self.where}: {what}. Is it the commit that router_models/README.md names?")


def json_rows(path: Path, raw: bytes | None = None) -> Iterator[Row]:
    """Read a JSON file that holds a list of objects; entries of other kinds are passed over. Raises DataError."""
    try:
        listed = json.loads(path.read_bytes() if raw is None else raw)
    except ValueError as error:
        raise DataError(f"{path}: no JSON ({error}). {_perhaps_pointer(path)}") from error
    if not isinstance(listed, list):
        raise DataError(f"{path}: a list was expected, and it holds a {type(listed).__name__}")
    yield from (Row(f"{path}: entry {at}", each) for at, each in enumerate(listed) if isinstance(each, dict))


def json_lines(path: Path) -> Iterator[Row]:
    """Read a file of one JSON object a line. Raises DataError."""
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            try:
                fields = json.loads(line)
            except ValueError as error:
                raise DataError(f"{path}:{number}: no JSON ({error}). {_perhaps_pointer(path)}") from error
            if not isinstance(fields, dict):
                raise DataError(f"{path}:{number}: an object was expected")
            yield Row(f"{path}:{number}", fields)


def csv_rows(path: Path) -> Iterator[Row]:
    """Read a CSV file with a header."""
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        for fields in reader:
            yield Row(f"{path}:{reader.line_num}", {str(name): value for name, value in fields.items()})


def zipped_json_rows(path: Path) -> Iterator[Row]:
    """Read the one JSON file in a ZIP archive. Raises DataError."""
    try:
        with zipfile.ZipFile(path) as archive:
            raw = archive.read(archive.namelist()[0])
    except (zipfile.BadZipFile, IndexError) as error:
        raise DataError(f"{path}: no ZIP archive with a file in it ({error}). {_perhaps_pointer(path)}") from error
    return json_rows(path, raw)


def _perhaps_pointer(path: Path) -> str:
    with path.open("rb") as file:
        is_pointer = file.read(64).startswith(b"version https://git-lfs")
    return "It is a pointer of Git LFS: run `git lfs pull` in the clone" if is_pointer else "Fetch the file again"
