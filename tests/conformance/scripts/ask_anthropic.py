"""anthropic for Python: does what `asking.py` says through the base URLs given."""

import json
import sys
from itertools import islice

import anthropic
from anthropic.types import Message, MessageParam, ToolParam

given = json.loads(sys.argv[1])
suffix = given["suffix"]
HELLO: MessageParam = {"role": "user", "content": "Hello there"}
COLD = {"temperature": 0}
"""Anthropic's newest models take no temperature, and so this client has no parameter of that name."""
ENOUGH = given["enough"]

# This client adds /v1 by itself.
real = anthropic.Anthropic(base_url=given["real"].removesuffix("/v1"), api_key="unused")
scripted = anthropic.Anthropic(base_url=given["scripted"].removesuffix("/v1"), api_key="unused")


def text_of(message: Message) -> str:
    """Join its blocks of text."""
    return "".join(block.text for block in message.content if block.type == "text")


answer = real.messages.create(model=f"auto{suffix}", max_tokens=given["tokens"], messages=[HELLO], extra_body=COLD)
with real.messages.stream(
    model=f"auto{suffix}", max_tokens=given["tokens"], messages=[HELLO], extra_body=COLD
) as stream:
    pieces = list(stream.text_stream)
    final = stream.get_final_message()
structured = real.messages.create(
    model=f"auto{suffix}",
    max_tokens=ENOUGH,
    messages=[HELLO],
    output_config={"format": {"type": "json_schema", "schema": given["schema"]}},
    extra_body=COLD,
)
try:
    scripted.messages.create(model="no-such-model", max_tokens=ENOUGH, messages=[HELLO])
    error = ""
except anthropic.APIError as raised:
    error = type(raised).__name__

model, tool = f"weather{suffix}", given["tool"]
tools: list[ToolParam] = [
    {"name": tool["name"], "description": tool["description"], "input_schema": tool["parameters"]}
]
asked = scripted.messages.create(model=model, max_tokens=ENOUGH, messages=[HELLO], tools=tools)
(call,) = asked.content
assert call.type == "tool_use"
result: MessageParam = {
    "role": "user",
    "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "Sunny"}],
}
turns: list[MessageParam] = [HELLO, {"role": "assistant", "content": asked.content}, result]
told = scripted.messages.create(model=model, max_tokens=ENOUGH, messages=turns, tools=tools)
with scripted.messages.stream(model=model, max_tokens=ENOUGH, messages=[HELLO], tools=tools) as calling:
    (streamed,) = calling.get_final_message().content
assert streamed.type == "tool_use"
with scripted.messages.stream(model=f"drips{suffix}", max_tokens=ENOUGH, messages=[HELLO]) as dripping:
    left = sum(1 for _ in islice(dripping.text_stream, given["pieces"]))
retried = scripted.messages.create(model=f"busy-first{suffix}", max_tokens=ENOUGH, messages=[HELLO])
said = {
    "text": text_of(answer),
    "tokens": answer.usage.output_tokens,
    "finish_reason": answer.stop_reason,
    "stream_text": "".join(pieces),
    "stream_tokens": final.usage.output_tokens,
    "stream_finish_reason": final.stop_reason,
    "structured": text_of(structured),
    "error": error,
    "tool": call.input,
    "tool_finish_reason": asked.stop_reason,
    "tool_answer": text_of(told),
    "stream_tool": streamed.input,
    "left": left,
    "retried": text_of(retried),
}
sys.stdout.write(json.dumps(said))
