"""openai for Python over chat completions: does what `asking.py` says through the base URLs given."""

import json
import sys
from itertools import islice
from typing import cast

import openai
from openai.types.chat import ChatCompletionFunctionToolParam, ChatCompletionMessageParam

given = json.loads(sys.argv[1])
suffix = given["suffix"]
real = openai.OpenAI(base_url=given["real"], api_key="unused")
scripted = openai.OpenAI(base_url=given["scripted"], api_key="unused")
HELLO: ChatCompletionMessageParam = {"role": "user", "content": "Hello there"}

answer = real.chat.completions.create(
    model=f"auto{suffix}", messages=[HELLO], max_tokens=given["tokens"], temperature=0
)
chunks = list(
    real.chat.completions.create(
        model=f"auto{suffix}",
        messages=[HELLO],
        max_tokens=given["tokens"],
        temperature=0,
        stream=True,
        stream_options={"include_usage": True},
    )
)
structured = real.chat.completions.create(
    model=f"auto{suffix}",
    messages=[HELLO],
    max_tokens=given["enough"],
    temperature=0,
    response_format={
        "type": "json_schema",
        "json_schema": {"name": "opinion", "strict": True, "schema": given["schema"]},
    },
)
try:
    scripted.chat.completions.create(model="no-such-model", messages=[HELLO])
    error = ""
except openai.APIError as raised:
    error = type(raised).__name__

model = f"weather{suffix}"
tools: list[ChatCompletionFunctionToolParam] = [{"type": "function", "function": given["tool"]}]
asked = scripted.chat.completions.create(model=model, messages=[HELLO], tools=tools)
message = asked.choices[0].message
[call] = message.tool_calls or []
assert call.type == "function"
result: ChatCompletionMessageParam = {"role": "tool", "tool_call_id": call.id, "content": "Sunny"}
asking = cast(ChatCompletionMessageParam, message.to_dict())
told = scripted.chat.completions.create(model=model, messages=[HELLO, asking, result], tools=tools)
with scripted.chat.completions.stream(model=model, messages=[HELLO], tools=tools) as calling:
    [streamed] = calling.get_final_completion().choices[0].message.tool_calls or []
with scripted.chat.completions.create(model=f"drips{suffix}", messages=[HELLO], stream=True) as dripping:
    left = sum(1 for _ in islice(dripping, given["pieces"]))
retried = scripted.chat.completions.create(model=f"busy-first{suffix}", messages=[HELLO])
said = {
    "text": answer.choices[0].message.content,
    "tokens": answer.usage and answer.usage.completion_tokens,
    "finish_reason": answer.choices[0].finish_reason,
    "stream_text": "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices),
    "stream_tokens": chunks[-1].usage and chunks[-1].usage.completion_tokens,
    "stream_finish_reason": chunks[-2].choices[0].finish_reason,
    "structured": structured.choices[0].message.content,
    "error": error,
    "tool": json.loads(call.function.arguments),
    "tool_finish_reason": asked.choices[0].finish_reason,
    "tool_answer": told.choices[0].message.content,
    "stream_tool": json.loads(streamed.function.arguments),
    "left": left,
    "retried": retried.choices[0].message.content,
}
sys.stdout.write(json.dumps(said))
