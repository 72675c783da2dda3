"""The image: what it is built from is there, what it says of the gateway is so, and a linter has nothing to say."""

import re
import subprocess
import tomllib
from pathlib import Path
from typing import Final

import pytest

from gateway.app.settings import TABLE
from tests.architecture.sources import ROOT
from tests.deploy.linters import COMMAND, linter

FILE: Final = ROOT / "deploy/docker/Dockerfile"
TEXT: Final = FILE.read_text("utf-8")
LAST_STAGE: Final = TEXT.split("\nFROM ")[-1]


def instructions(name: str, text: str = TEXT) -> list[str]:
    """Return what follows each instruction of that name, its lines joined."""
    joined = re.sub(r"\\\n\s*", "", text)
    return re.findall(rf"^{name} (.+)$", joined, re.MULTILINE)


def test_what_is_copied_exists_and_is_not_left_out() -> None:
    ignored = (FILE.parent / "Dockerfile.dockerignore").read_text("utf-8").splitlines()
    kept = [line.removeprefix("!") for line in ignored if line.startswith("!")]
    assert "*" in ignored
    copied = [each for line in instructions("COPY") if "--from=" not in line for each in line.split()[:-1]]
    assert copied
    for each in copied:
        assert (ROOT / each).exists(), each
        assert each in kept, f"{each} is copied and left out"
    assert set(kept) == set(copied), "something is kept that nothing copies"


def test_only_pinned_packages_come_in() -> None:
    installs = [each for line in instructions("RUN") for each in line.split("&&") if "pip install" in each]
    assert len(installs) == 2
    assert "--require-hashes" in installs[0]
    assert "--no-deps --no-build-isolation" in installs[1]
    requirements = (ROOT / "deploy/requirements/serve.txt").read_text("utf-8")
    for package in re.findall(r"^(\S+==\S+) \\$(?:\n.+)?", requirements, re.MULTILINE):
        assert f"{package} \\\n    --hash=sha256:" in requirements


def test_the_variables_are_settings_and_the_port_is_theirs() -> None:
    (line,) = instructions("ENV", LAST_STAGE)
    given = dict(pair.split("=", 1) for pair in line.split())
    known = {setting.variable: setting for setting in TABLE}
    ours = {name: value for name, value in given.items() if name.startswith("TIERGATE_")}
    for name, value in ours.items():
        known[name].parse(value)
    assert instructions("EXPOSE", LAST_STAGE) == [ours["TIERGATE_PORT"]]
    (check,) = instructions("HEALTHCHECK", LAST_STAGE)
    assert f"http://127.0.0.1:{ours['TIERGATE_PORT']}/health/ready" in check


def test_it_runs_as_nobody_in_particular_and_starts_the_command() -> None:
    (user,) = instructions("USER", LAST_STAGE)
    assert int(user.split(":")[0]) >= 10_000
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["scripts"]
    assert instructions("ENTRYPOINT", LAST_STAGE) == [f'["{next(iter(scripts))}"]']


def test_the_base_is_a_python_that_the_package_allows() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    bases = {line.split()[0] for line in instructions("FROM")}
    assert len(bases) == 1, "what is compiled in one stage runs in the other"
    (version,) = re.findall(r"^python:(\d+\.\d+)-", bases.pop())
    assert project["requires-python"] == f">={version}"


def lint(name: str, *arguments: str | Path) -> str:
    """Run a linter; return what it says, nothing when all is well."""
    program = linter(name)
    if program is None:
        pytest.skip(f"{name} is not installed: {COMMAND}")
    done = subprocess.run([str(each) for each in (program, *arguments)], capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def test_the_linter_has_nothing_to_say() -> None:
    assert lint("hadolint", FILE) == ""


def test_the_linter_would_say_something(tmp_path: Path) -> None:
    spoilt = tmp_path / "Dockerfile"
    spoilt.write_text(TEXT.replace("FROM python:3.11-slim-bookworm AS", "FROM python AS"))
    assert "DL3006" in lint("hadolint", spoilt)
