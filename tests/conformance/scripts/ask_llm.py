"""The `llm` command: complete, stream and fail through the base URL given; print what came of it as JSON."""

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

MODELS = """\
- {{model_id: tiergate, model_name: auto, api_base: "{url}"}}
- {{model_id: nobody, model_name: no-such-model, api_base: "{url}"}}
"""


def llm(folder: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the command that lies beside this interpreter, with settings of its own."""
    command = [str(Path(sys.executable).with_name("llm")), *words]
    environ = {**os.environ, "LLM_USER_PATH": folder, "OPENAI_API_KEY": "unused"}
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=False)


def tokens(told: str) -> int:
    """Read the output tokens that `--usage` tells."""
    found = re.search(r"(\d+) output", told)
    return int(found[1]) if found else 0


def finish_reason(folder: str) -> str:
    """Read it from what the command remembers of its last answer."""
    last: dict[str, Any] = json.loads(llm(folder, "logs", "-n", "1", "--json").stdout)[0]
    found = re.search(r'"finish_reason": ?"(\w+)"', json.dumps(last))
    return found[1] if found else ""


with tempfile.TemporaryDirectory() as home:
    Path(home, "extra-openai-models.yaml").write_text(MODELS.format(url=sys.argv[1]))
    ask = ("-m", "tiergate", "Hello there", "-o", "max_tokens", "8", "-o", "temperature", "0", "--usage")
    plain, plain_end = llm(home, *ask, "--no-stream"), finish_reason(home)
    streamed, streamed_end = llm(home, *ask), finish_reason(home)
    failed = llm(home, "-m", "nobody", "Hello")
    said = {
        "text": plain.stdout,
        "tokens": tokens(plain.stderr),
        "finish_reason": plain_end,
        "stream_text": streamed.stdout,
        "stream_tokens": tokens(streamed.stderr),
        "stream_finish_reason": streamed_end,
        "error": f"exit {failed.returncode}" + (" 404" if "404" in failed.stderr else ""),
    }
sys.stdout.write(json.dumps(said))
