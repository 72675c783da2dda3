"""The scripted model server of the kit: what no real one does on demand, in each of the three APIs.

    python -m tests.conformance.scripted --port 0

The model's name says how it behaves: `weather` calls the first tool that it is offered, and answers once it has the
result; `busy-first` turns a request away for a second, and answers the next; `drips` speaks for half a minute;
`no-such-model` is not known. Any other answers at once.
"""

import argparse
import asyncio
import sys
from typing import Any

import uvloop

from tests.support.anthropic_bodies import message, message_events
from tests.support.behaviours import fails, json_reply, sse_reply
from tests.support.fault_server import FaultServer
from tests.support.openai_bodies import ToolCall, Words, chat_answer, chat_events, dump, error_body, words
from tests.support.responses_bodies import response, response_events
from tests.support.scripts import Script, SeenRequest

MODELS = ("weather", "busy-first", "drips")
"""Those that behave in a way of their own and are known."""
SAID = "".join(Words().pieces)
TOWN = "Ulm"
BUSY_S = 1
"""For how long a client is asked to stay away."""
_REMEMBERED_S = 8.0
"""A request that comes later than this behind one that was turned away is another one."""
_DRIPS, _DRIP_S = 1_500, 0.02


class Behaviour:
    """Behave as the model's name says. It remembers which model has just turned a request away."""

    def __init__(self) -> None:
        self._refused_at_s: float | None = None

    def __call__(self, request: SeenRequest) -> Script:
        """Choose the script of a request."""
        match request.model:
            case "no-such-model":
                return json_reply(404, error_body("There is no such model.", "not_found", "model_not_found"))
            case "busy-first" if self._is_first(request.received_at_s):
                return fails(429, retry_after=str(BUSY_S))(request)
            case "weather" if not _has_result(request.json):
                call = ToolCall(_first_tool(request.json), f'{{"town":"{TOWN}"}}')
                return _answer(request, Words(model=request.model, tool=call))
            case "drips":
                return _answer(request, Words(model=request.model, pieces=words(_DRIPS)), _DRIP_S)
        return _answer(request, Words(model=request.model))

    def _is_first(self, now_s: float) -> bool:
        refused_at_s = self._refused_at_s
        is_first = refused_at_s is None or now_s - refused_at_s > _REMEMBERED_S
        self._refused_at_s = now_s if is_first else None
        return is_first


def _answer(request: SeenRequest, said: Words, delay_s: float = 0.0) -> Script:
    """Answer whole or streamed, in the API that was asked for."""
    whole = not request.json.get("stream")
    if request.path.endswith("/messages"):
        return json_reply(200, dump(message(said))) if whole else sse_reply(*message_events(said), delay_s=delay_s)
    if request.path.endswith("/responses"):
        return json_reply(200, dump(response(said))) if whole else sse_reply(*response_events(said), delay_s=delay_s)
    counted = bool((request.json.get("stream_options") or {}).get("include_usage"))
    events = chat_events(said, usage=counted, done=True)
    return json_reply(200, chat_answer(said)) if whole else sse_reply(*events, delay_s=delay_s)


def _first_tool(body: dict[str, Any]) -> str:
    tool = (body.get("tools") or [{"name": "none"}])[0]
    return str(tool.get("function", tool)["name"])


def _has_result(body: dict[str, Any]) -> bool:
    """Tell whether the conversation ends with what a tool gave back."""
    turns = body.get("messages") or body.get("input") or [{}]
    last = turns[-1] if isinstance(turns, list) else {}
    content = last.get("content")
    blocks = content if isinstance(content, list) else ()
    is_block = any(isinstance(block, dict) and block.get("type") == "tool_result" for block in blocks)
    return is_block or last.get("role") == "tool" or last.get("type") == "function_call_output"


async def _serve(port: int) -> None:
    async with FaultServer(port) as server:
        server.plan.general = Behaviour()
        sys.stdout.write(f"listening on {server.base_url}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(prog="python -m tests.conformance.scripted", description=__doc__)
    arguments.add_argument("--port", type=int, default=0, help="port to listen on; 0 takes a free one")
    uvloop.run(_serve(arguments.parse_args().port))
