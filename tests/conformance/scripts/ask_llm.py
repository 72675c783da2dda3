"""The `llm` command: does what `asking.py` says through the base URLs given."""

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

given = json.loads(sys.argv[1])
FUNCTION = 'def weather(town: str) -> str:\n    "Tell the weather of a town"\n    return "Sunny"\n'
COMMAND = str(Path(sys.executable).with_name("llm"))
"""It lies beside this interpreter."""


def models() -> str:
    """Describe the models as this command wants them described; it has its own names for them."""
    named = {name: f"{name}{given['suffix']}" for name in ("weather", "drips", "busy-first")} | {
        "nobody": "no-such-model"
    }
    told = [{"model_id": name, "model_name": model, "api_base": given["scripted"]} for name, model in named.items()]
    told.append({"model_id": "real", "model_name": f"auto{given['suffix']}", "api_base": given["real"]})
    return json.dumps([{**each, "supports_tools": True, "supports_schema": True} for each in told])


def environment(folder: str) -> dict[str, str]:
    """Let it have settings of its own."""
    return {**os.environ, "LLM_USER_PATH": folder, "OPENAI_API_KEY": "unused"}


def llm(folder: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run([COMMAND, *words], env=environment(folder), capture_output=True, text=True, check=False)


def tokens(told: str) -> int:
    """Read the output tokens that `--usage` tells."""
    found = re.search(r"(\d+) output", told)
    return int(found[1]) if found else 0


def town(told: str) -> dict[str, str]:
    """Read the arguments of the call that `--tools-debug` tells."""
    found = re.search(r"weather\(.*?town\W+(\w+)", told)
    return {"town": found[1]} if found else {}


def finish_reason(folder: str) -> str:
    """Read it from what the command remembers of its last answer."""
    last: dict[str, Any] = json.loads(llm(folder, "logs", "-n", "1", "--json").stdout)[0]
    found = re.search(r'"finish_reason": ?"(\w+)"', json.dumps(last))
    return found[1] if found else ""


def leave(folder: str) -> int:
    """Read a little of a stream that would go on, and end the command; return how many pieces were read."""
    command = [COMMAND, "-m", "drips", "Hello"]
    with subprocess.Popen(command, env=environment(folder), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        read = ""
        while read.count("w") < given["pieces"]:
            read += process.stdout.read(1)
        process.terminate()
    return read.count("w")


with tempfile.TemporaryDirectory() as home:
    Path(home, "extra-openai-models.yaml").write_text(models())
    ask = ("-m", "real", "Hello there", "-o", "temperature", "0")
    brief = (*ask, "-o", "max_tokens", str(given["tokens"]), "--usage")
    plain, plain_end = llm(home, *brief, "--no-stream"), finish_reason(home)
    streamed, streamed_end = llm(home, *brief), finish_reason(home)
    structured = llm(home, *ask, "--schema", json.dumps(given["schema"]))
    failed = llm(home, "-m", "nobody", "Hello")
    call = ("-m", "weather", "Hello", "--functions", FUNCTION, "--tools-debug")
    called, calling = llm(home, *call, "--no-stream"), llm(home, *call)
    left = leave(home)
    retried = llm(home, "-m", "busy-first", "Hello")
    said = {
        "text": plain.stdout,
        "tokens": tokens(plain.stderr),
        "finish_reason": plain_end,
        "stream_text": streamed.stdout,
        "stream_tokens": tokens(streamed.stderr),
        "stream_finish_reason": streamed_end,
        "structured": structured.stdout,
        "error": f"exit {failed.returncode}" + (" 404" if "404" in failed.stderr else ""),
        "tool": town(called.stderr),
        "tool_finish_reason": None,
        "tool_answer": called.stdout.strip(),
        "stream_tool": town(calling.stderr),
        "left": left,
        "retried": retried.stdout.strip(),
    }
sys.stdout.write(json.dumps(said))
