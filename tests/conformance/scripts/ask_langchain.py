"""langchain-openai: does what `asking.py` says through the base URLs given."""

import json
import sys
from itertools import islice
from typing import Any

import openai
from langchain_openai import ChatOpenAI  # type: ignore[import-not-found]  # installed for this script alone
from pydantic import SecretStr

given = json.loads(sys.argv[1])


def chat(where: str, model: str, **settings: Any) -> Any:
    """Make a model of the real or the scripted server."""
    return ChatOpenAI(base_url=given[where], api_key=SecretStr("unused"), model=model, **settings)


def joined(pieces: Any) -> Any:
    """Add the pieces of a stream up, as LangChain does."""
    first, *others = pieces
    return sum(others, first)


auto, suffix = f"auto{given['suffix']}", given["suffix"]
brief = chat("real", auto, max_tokens=given["tokens"], temperature=0, stream_usage=True)
answer, whole = brief.invoke("Hello there"), joined(brief.stream("Hello there"))
schema = {"title": "opinion", "description": "An opinion", **given["schema"]}
structured = chat("real", auto, temperature=0).with_structured_output(schema, method="json_schema")
try:
    chat("scripted", "no-such-model").invoke("Hello")
    error = ""
except openai.APIError as raised:
    error = type(raised).__name__

caller = chat("scripted", f"weather{suffix}").bind_tools([{"type": "function", "function": given["tool"]}])
asked = caller.invoke("Hello there")
(call,) = asked.tool_calls
told = caller.invoke([("user", "Hello there"), asked, {"role": "tool", "tool_call_id": call["id"], "content": "Sunny"}])
(streamed,) = joined(caller.stream("Hello there")).tool_calls
dripping = chat("scripted", f"drips{suffix}").stream("Hello there")
left = sum(1 for _ in islice(dripping, given["pieces"]))
dripping.close()
said = {
    "text": answer.content,
    "tokens": answer.usage_metadata["output_tokens"],
    "finish_reason": answer.response_metadata["finish_reason"],
    "stream_text": whole.content,
    "stream_tokens": whole.usage_metadata["output_tokens"],
    "stream_finish_reason": whole.response_metadata["finish_reason"],
    "structured": structured.invoke("Hello there"),
    "error": error,
    "tool": call["args"],
    "tool_finish_reason": asked.response_metadata["finish_reason"],
    "tool_answer": told.content,
    "stream_tool": streamed["args"],
    "left": left,
    "retried": chat("scripted", f"busy-first{suffix}").invoke("Hello there").content,
}
sys.stdout.write(json.dumps(said))
