"""Run llama.cpp's own HTTP server in this process, until it is told to stop.

Needs the `demo` extra; `python -m gateway.app.demo_server FILE --port 9200 --alias small`.
"""

import argparse
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

from xllamacpp.xllamacpp import CommonParams, Server

UNLIMITED_TOKENS = -1
"""llama.cpp's word for "until the model ends by itself"."""


@dataclass(frozen=True, slots=True)
class Capacity:
    """How much a server takes on.

    `context_tokens` is for each of the `slots`, which answer at the same time. `answer_tokens` is the length at which
    an answer is cut where the request names none.
    """

    context_tokens: int = 4_096
    slots: int = 4
    threads: int = 1
    answer_tokens: int = UNLIMITED_TOKENS


def serve(model: Path, port: int, alias: str, capacity: Capacity) -> Server:
    """Start the server on loopback; it runs for as long as the returned object lives. Raises RuntimeError."""
    params = CommonParams()
    params.model.path = str(model)
    params.hostnames = ["127.0.0.1"]
    params.port = port
    params.model_alias = {alias}
    params.n_ctx = capacity.context_tokens * capacity.slots
    params.n_parallel = capacity.slots
    params.n_predict = capacity.answer_tokens
    params.cpuparams.n_threads = capacity.threads
    params.cpuparams_batch.n_threads = capacity.threads
    params.endpoint_metrics = True
    params.warmup = False
    return Server(params)


def main() -> None:
    """Serve until the signal to stop, or until standard input closes when whoever started us holds it open."""
    parser = argparse.ArgumentParser(description="Serve a GGUF model over an OpenAI-compatible API on loopback.")
    parser.add_argument("model", type=Path)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--alias", required=True, help="name under which the model is served")
    parser.add_argument("--context-tokens", type=int, default=4_096, help="context of each slot")
    parser.add_argument("--slots", type=int, default=4, help="requests answered at the same time")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--answer-tokens", type=int, default=UNLIMITED_TOKENS, help="where a request names no length")
    parser.add_argument("--until-stdin-closes", action="store_true", help="stop when the starter ends, however it ends")
    given = parser.parse_args()
    stop = {signal.SIGINT, signal.SIGTERM}
    if not given.until_stdin_closes:
        signal.pthread_sigmask(signal.SIG_BLOCK, stop)
    capacity = Capacity(given.context_tokens, given.slots, given.threads, given.answer_tokens)
    server = serve(given.model, given.port, given.alias, capacity)
    sys.stderr.write(f"serving {given.model.name} as {given.alias} on {server.listening_address}\n")
    if given.until_stdin_closes:
        sys.stdin.buffer.read()
    else:
        signal.sigwait(stop)


if __name__ == "__main__":
    main()
