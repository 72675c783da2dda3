"""The clients, the versions they are pinned to, and what each of them calls things."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.conformance.environments import npm_environment, python_environment

SCRIPTS = Path(__file__).parent / "scripts"


@dataclass(frozen=True, slots=True)
class Words:
    """What clients of one API call the same things: an answer that is as long as it may be, and one that calls."""

    cut_off: str
    calls: str
    is_chat: bool = False


OPENAI_2, OPENAI_3 = "openai_2", "openai_3"
"""Some clients do without the newest openai package, and others do not do with an older one."""

CHAT = Words("length", "tool_calls", is_chat=True)
MESSAGES = Words("max_tokens", "tool_use")
RESPONSES = Words("max_output_tokens", "completed")
AI_SDK = Words("length", "tool-calls")
AI_SDK_CHAT = Words("length", "tool-calls", is_chat=True)
PYDANTIC_AI = Words("length", "tool_call", is_chat=True)


@dataclass(frozen=True, slots=True)
class Client:
    """A client library or tool.

    `error` is how it tells of a model that does not exist. `lacks` names what it has no means to do or to tell, each
    with the reason. `pinned` is which environment the gate has it in; see `pinned.py`.
    """

    name: str
    packages: tuple[str, ...]
    script: str
    error: str
    words: Words = CHAT
    lacks: Mapping[str, str] = field(default_factory=dict)
    pinned: str = ""

    @property
    def version(self) -> str:
        """Of its first package."""
        first = self.packages[0]
        return first.rpartition("=" if "==" in first else "@")[2]


_OPENAI, _OPENAI_NPM = ("openai==3.57.0",), ("openai@6.49.0",)
_AI = "ai@6.0.326"

CLIENTS: tuple[Client, ...] = (
    Client("openai", _OPENAI, "ask_openai.py", "NotFoundError", pinned=OPENAI_3),
    Client("openai-npm", _OPENAI_NPM, "ask_openai.mjs", "NotFoundError"),
    Client("openai-responses", _OPENAI, "ask_openai_responses.py", "NotFoundError", RESPONSES, pinned=OPENAI_3),
    Client("openai-responses-npm", _OPENAI_NPM, "ask_openai_responses.mjs", "NotFoundError", RESPONSES),
    Client("ai-sdk", (_AI, "@ai-sdk/openai@3.0.141"), "ask_ai_sdk.mjs", "AI_APICallError 404", AI_SDK),
    Client(
        "ai-sdk-compatible",
        (_AI, "@ai-sdk/openai-compatible@2.0.87"),
        "ask_ai_sdk.mjs",
        "AI_APICallError 404",
        AI_SDK_CHAT,
    ),
    Client("ai-sdk-anthropic", (_AI, "@ai-sdk/anthropic@3.0.140"), "ask_ai_sdk.mjs", "AI_APICallError 404", AI_SDK),
    Client("anthropic", ("anthropic==2.14.0",), "ask_anthropic.py", "NotFoundError", MESSAGES, pinned=OPENAI_3),
    Client("anthropic-npm", ("@anthropic-ai/sdk@1.14.0",), "ask_anthropic.mjs", "NotFoundError", MESSAGES),
    Client(
        "langchain-openai",
        ("langchain-openai==1.7.3",),
        "ask_langchain.py",
        "OpenAIModelNotFoundError",
        pinned=OPENAI_3,
    ),
    Client(
        "llama-index", ("llama-index-llms-openai-like==0.8.1",), "ask_llama_index.py", "NotFoundError", pinned=OPENAI_2
    ),
    Client(
        "pydantic-ai",
        ("pydantic-ai-slim[openai]==2.68.0",),
        "ask_pydantic_ai.py",
        "ModelNotFoundError 404",
        PYDANTIC_AI,
        pinned=OPENAI_3,
    ),
    Client(
        "instructor",
        ("instructor==1.17.0",),
        "ask_instructor.py",
        "NotFoundError",
        lacks={"tool_answer": "to it a call is the answer: nothing follows it"},
        pinned=OPENAI_2,
    ),
    # 1.107.0 is said to have been tampered with; without the extra it calls no tools.
    Client("litellm", ("litellm[mcp]==1.106.2",), "ask_litellm.py", "NotFoundError", pinned=OPENAI_2),
    Client(
        "llm",
        ("llm==0.36",),
        "ask_llm.py",
        "exit 1 404",
        lacks={"tool_finish_reason": "its log keeps that of the last answer of a chain"},
        pinned=OPENAI_3,
    ),
)


def install(client: Client, folder: Path) -> list[str]:
    """Make the client's environment; return the command that asks, less its argument. Raises CannotInstall."""
    script = SCRIPTS / client.script
    if script.suffix == ".mjs":
        # Node looks for packages beside the script.
        beside = npm_environment(folder, client.packages) / script.name
        shutil.copy(script, beside)
        return ["node", str(beside)]
    return [str(python_environment(folder, client.packages)), str(script)]
