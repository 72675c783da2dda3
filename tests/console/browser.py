"""A headless Chromium and what steers it, installed without root and away from the gateway's own packages."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.conformance.environments import KEPT, CannotInstall, python_environment
from tests.support.debian import unpack

PLACE: Final = KEPT / "chromium"
_PACKAGES: Final = ("playwright==1.65.2",)
_NAMES: Final = ("chromium", "chromium-browser", "google-chrome")


@dataclass(frozen=True, slots=True)
class Browser:
    """A browser, the interpreter that steers it, and the environment in which both run."""

    program: Path
    python: Path
    environ: Mapping[str, str]


def browser() -> Browser:
    """Find or install it: the machine's own, else Debian's package unpacked. Raises CannotInstall."""
    python = python_environment(KEPT / "playwright", _PACKAGES)
    own = next((found for name in _NAMES if (found := shutil.which(name))), None)
    if own is not None:
        return Browser(Path(own), python, os.environ)
    program = PLACE / "usr/lib/chromium/chromium"
    if not program.is_file():
        unpack("chromium", PLACE, with_what_it_needs=True)
    if not program.is_file():
        raise CannotInstall(f"the package holds no chromium: look into {PLACE}")
    folders = {str(library.parent) for library in (PLACE / "usr/lib").glob("*-linux-gnu/**/*.so*")}
    return Browser(program, python, {**os.environ, "LD_LIBRARY_PATH": ":".join(sorted(folders))})
