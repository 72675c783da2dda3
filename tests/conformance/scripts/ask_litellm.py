"""litellm as a client: does what `asking.py` says through the base URLs given."""

import json
import os
import sys
from itertools import islice
from typing import Any

import openai

# Else it loads its table of prices from elsewhere while it is imported.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

import litellm  # type: ignore[import-not-found]  # for this script alone

given = json.loads(sys.argv[1])
suffix = given["suffix"]
HELLO = {"role": "user", "content": "Hello there"}
TOOLS = [{"type": "function", "function": given["tool"]}]
BRIEF = {"max_tokens": given["tokens"], "temperature": 0}


def complete(where: str, model: str, *turns: Any, **settings: Any) -> Any:
    """Ask the real or the scripted server."""
    return litellm.completion(
        f"openai/{model}", messages=[HELLO, *turns], api_base=given[where], api_key="unused", **settings
    )


answer = complete("real", f"auto{suffix}", **BRIEF)
*chunks, usage = complete("real", f"auto{suffix}", **BRIEF, stream=True, stream_options={"include_usage": True})
schema = {"name": "opinion", "strict": True, "schema": given["schema"]}
structured = complete(
    "real", f"auto{suffix}", temperature=0, response_format={"type": "json_schema", "json_schema": schema}
)
try:
    complete("scripted", "no-such-model")
    error = ""
except openai.APIError as raised:
    error = type(raised).__name__
asked = complete("scripted", f"weather{suffix}", tools=TOOLS)
(call,) = asked.choices[0].message.tool_calls
result = {"role": "tool", "tool_call_id": call.id, "content": "Sunny"}
told = complete("scripted", f"weather{suffix}", asked.choices[0].message, result, tools=TOOLS)
calling = litellm.stream_chunk_builder(list(complete("scripted", f"weather{suffix}", tools=TOOLS, stream=True)))
(streamed,) = calling.choices[0].message.tool_calls
dripping = complete("scripted", f"drips{suffix}", stream=True)
left = sum(1 for _ in islice(dripping, given["pieces"]))
dripping.completion_stream.close()
said = {
    "text": answer.choices[0].message.content,
    "tokens": answer.usage.completion_tokens,
    "finish_reason": answer.choices[0].finish_reason,
    "stream_text": "".join(chunk.choices[0].delta.content or "" for chunk in chunks),
    "stream_tokens": usage.usage.completion_tokens,
    "stream_finish_reason": chunks[-1].choices[0].finish_reason,
    "structured": structured.choices[0].message.content,
    "error": error,
    "tool": json.loads(call.function.arguments),
    "tool_finish_reason": asked.choices[0].finish_reason,
    "tool_answer": told.choices[0].message.content,
    "stream_tool": json.loads(streamed.function.arguments),
    "left": left,
    "retried": complete("scripted", f"busy-first{suffix}").choices[0].message.content,
}
sys.stdout.write(json.dumps(said))
