"""Nothing in the repository speaks of the machine it was written on, or of where its packages came from."""

import re
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.sources import ROOT

TOP_LEVEL = (
    "pyproject.toml",
    "README.md",
    ".gitignore",
    "gateway",
    "router_models",
    "policies",
    "tests",
    "load_tests",
    "deploy",
)
_PRIVATE_ROOTS = ("work", "root", "tmp", "home", "Users", "mnt", "opt/wheels", "opt/pypi")
_MACHINE_PATH = re.compile(r"(?<![\w.\-/:}])/(?:" + "|".join(_PRIVATE_ROOTS) + r")/[\w.\-]")
_PACKAGE_HOST = re.compile(
    r"(?i)(?:index-url|find-links|trusted-host|index_url|find_links)\W+(?:(?:https?|file):/)?/*[\w\-]+[./]"
    r"|https?://[^\s/\"']*(?:artifactory|nexus|devpi|jfrog|pypi-mirror|\.internal\b|\.corp\b|\.lan\b)"
)
REMEDIES = {
    _MACHINE_PATH: "names a path of one machine; make it relative to the repository, or use tmp_path",
    _PACKAGE_HOST: "names a package host; leave the index to pip's own settings",
}


def text_files() -> Iterator[Path]:
    """Walk through the text files of the repository, in order."""
    for top in TOP_LEVEL:
        place = ROOT / top
        for path in sorted(place.rglob("*")) if place.is_dir() else [place]:
            if path.is_file() and "__pycache__" not in path.parts:
                yield path


def leaks_in(text: str) -> Iterator[tuple[int, str]]:
    """Yield the line and the remedy of each leak. Patterns run over the whole text first: most files have none."""
    for pattern, remedy in REMEDIES.items():
        for found in pattern.finditer(text):
            yield text.count("\n", 0, found.start()) + 1, f"{found.group()!r} {remedy}"


def test_no_file_names_the_machine_or_a_package_host() -> None:
    leaks: list[str] = []
    for path in text_files():
        raw = path.read_bytes()
        if b"\0" not in raw[:4096]:
            text = raw.decode("utf-8", "replace")
            leaks += [f"{path.relative_to(ROOT).as_posix()}:{line}: {what}" for line, what in leaks_in(text)]
    assert not leaks, "\n" + "\n".join(leaks)


def test_leaks_are_found_with_their_line() -> None:
    paths = [f"/{root}/x" for root in _PRIVATE_ROOTS]
    hosts = [f"--index-url={scheme}://pkg.example/simple" for scheme in ("https", "file")]
    for leak in [*paths, *hosts, "http://{}.example/simple".format("nexus")]:
        assert [line for line, _ in leaks_in(f"one\n'{leak}'\n")] == [2], leak


def test_paths_that_only_look_alike_pass() -> None:
    for text in ("https://example.org/home/page", "a/tmp/b", "./work/x", "/v1/models", "{base}/root/x"):
        assert not list(leaks_in(text)), text
