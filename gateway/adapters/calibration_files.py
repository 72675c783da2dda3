"""Calibration files, found from the folder of the policy that names them."""

from pathlib import Path
from typing import Final

MAX_BYTES: Final = 1024 * 1024
"""A calibration of 300 probes has 30 kB."""


class CalibrationFiles:
    """Reads what a policy in `folder` names."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self, written: str) -> bytes | str:
        """Return the file's bytes; a text in their place says why it cannot be read."""
        path = self.path_of(written)
        try:
            with path.open("rb") as file:
                content = file.read(MAX_BYTES + 1)
        except (OSError, ValueError) as error:
            return f"{path} cannot be read ({getattr(error, 'strerror', None) or error})"
        return content if len(content) <= MAX_BYTES else f"{path} has more than 1 MiB"

    def path_of(self, written: str) -> Path:
        """Return where a path leads that a policy has."""
        return self._folder / written
