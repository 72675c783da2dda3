"""The clients, the versions they are pinned to, and what must come of asking the gateway with each."""

import json
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conformance.environments import npm_environment, python_environment

SCRIPTS = Path(__file__).parent / "scripts"
ASK_LIMIT_S = 120.0
TOKENS = 8
"""What every script asks for, and so what every answer has."""


@dataclass(frozen=True, slots=True)
class Client:
    """A client library or tool.

    `error` is how it tells of a model that does not exist, `cut_off` of an answer that is as long as it may be.
    """

    name: str
    packages: tuple[str, ...]
    script: str
    error: str
    cut_off: str = "length"


_CUT_OFF = "max_output_tokens"
"""By the Responses API's name."""

CLIENTS: tuple[Client, ...] = (
    Client("openai", ("openai==3.52.0",), "ask_openai.py", "NotFoundError"),
    Client("openai-npm", ("openai@6.49.0",), "ask_openai.mjs", "NotFoundError"),
    Client("openai-responses", ("openai==3.52.0",), "ask_openai_responses.py", "NotFoundError", _CUT_OFF),
    Client("openai-responses-npm", ("openai@6.49.0",), "ask_openai_responses.mjs", "NotFoundError", _CUT_OFF),
    Client("ai-sdk", ("ai@6.0.326", "@ai-sdk/openai@3.0.141"), "ask_ai_sdk.mjs", "AI_APICallError 404"),
    Client(
        "ai-sdk-compatible",
        ("ai@6.0.326", "@ai-sdk/openai-compatible@2.0.87"),
        "ask_ai_sdk.mjs",
        "AI_APICallError 404",
    ),
    Client("anthropic", ("anthropic==2.14.0",), "ask_anthropic.py", "NotFoundError", "max_tokens"),
    Client("anthropic-npm", ("@anthropic-ai/sdk@1.14.0",), "ask_anthropic.mjs", "NotFoundError", "max_tokens"),
    Client(
        "ai-sdk-anthropic",
        ("ai@6.0.326", "@ai-sdk/anthropic@3.0.140"),
        "ask_ai_sdk.mjs",
        "AI_APICallError 404",
    ),
    Client("langchain-openai", ("langchain-openai==1.7.3",), "ask_langchain.py", "OpenAIModelNotFoundError"),
    Client("pydantic-ai", ("pydantic-ai-slim[openai]==2.68.0",), "ask_pydantic_ai.py", "ModelNotFoundError 404"),
    Client("llm", ("llm==0.36",), "ask_llm.py", "exit 1 404"),
)


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of one client: the row of the table."""

    client: Client
    complete: str
    stream: str
    error: str
    faults: tuple[str, ...]


def install(client: Client, folder: Path) -> list[str]:
    """Make the client's environment; return the command that asks, less the base URL. Raises CannotInstall."""
    script = SCRIPTS / client.script
    if script.suffix == ".mjs":
        # Node looks for packages beside the script.
        beside = npm_environment(folder, client.packages) / script.name
        shutil.copy(script, beside)
        return ["node", str(beside)]
    return [str(python_environment(folder, client.packages)), str(script)]


def ask(client: Client, command: Sequence[str], base_url: str) -> Finding:
    """Let the client complete, stream and fail; judge what it says came of it."""
    done = subprocess.run(
        [*command, base_url], capture_output=True, text=True, check=False, timeout=ASK_LIMIT_S, cwd=SCRIPTS.parent
    )
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        return Finding(client, "-", "-", "-", (f"exit {done.returncode}: {last}",))
    return judge(client, json.loads(done.stdout))


def judge(client: Client, said: dict[str, Any]) -> Finding:
    """Compare what a script says with what must be."""
    faults = []
    for way in ("", "stream_"):
        if not said[f"{way}text"]:
            faults.append(f"{way}text is empty")
        if said[f"{way}tokens"] != TOKENS:
            faults.append(f"{way}tokens is {said[f'{way}tokens']}, not {TOKENS}")
        if said[f"{way}finish_reason"] != client.cut_off:
            faults.append(f"{way}finish_reason is {said[f'{way}finish_reason']!r}, not {client.cut_off!r}")
    if said["stream_text"].rstrip("\n") != said["text"].rstrip("\n"):
        faults.append(f"streamed {said['stream_text']!r}, whole {said['text']!r}: at temperature 0 they are the same")
    if said["error"] != client.error:
        faults.append(f"error is {said['error']!r}, not {client.error!r}")
    complete = f"{said['tokens']} tokens, {said['finish_reason']}"
    stream = f"{said['stream_tokens']} tokens, {said['stream_finish_reason']}"
    return Finding(client, complete, stream, said["error"], tuple(faults))
