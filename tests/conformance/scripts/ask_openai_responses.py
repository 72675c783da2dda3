"""openai for Python over the Responses API: does what `asking.py` says through the base URLs given."""

import json
import sys
from itertools import islice

import openai
from openai.types.responses import FunctionToolParam, ResponseFunctionToolCall, ResponseInputParam

given = json.loads(sys.argv[1])
suffix = given["suffix"]
real = openai.OpenAI(base_url=given["real"], api_key="unused")
scripted = openai.OpenAI(base_url=given["scripted"], api_key="unused")
HELLO: ResponseInputParam = [{"role": "user", "content": "Hello there"}]

answer = real.responses.create(
    model=f"auto{suffix}", input="Hello there", max_output_tokens=given["tokens"], temperature=0
)
events = list(
    real.responses.create(
        model=f"auto{suffix}", input="Hello there", max_output_tokens=given["tokens"], temperature=0, stream=True
    )
)
final = next(event.response for event in events if event.type in ("response.incomplete", "response.completed"))
structured = real.responses.create(
    model=f"auto{suffix}",
    input="Hello there",
    max_output_tokens=given["enough"],
    temperature=0,
    text={"format": {"type": "json_schema", "name": "opinion", "strict": True, "schema": given["schema"]}},
)
try:
    scripted.responses.create(model="no-such-model", input="Hello")
    error = ""
except openai.APIError as raised:
    error = type(raised).__name__

model = f"weather{suffix}"
weather: FunctionToolParam = given["tool"] | {"type": "function", "strict": True}
asked = scripted.responses.create(model=model, input=HELLO, tools=[weather])
(call,) = asked.output
assert isinstance(call, ResponseFunctionToolCall)
turns: ResponseInputParam = [
    *HELLO,
    {"type": "function_call", "call_id": call.call_id, "name": call.name, "arguments": call.arguments},
    {"type": "function_call_output", "call_id": call.call_id, "output": "Sunny"},
]
told = scripted.responses.create(model=model, input=turns, tools=[weather])
with scripted.responses.stream(model=model, input=HELLO, tools=[weather]) as calling:
    (streamed,) = calling.get_final_response().output
assert isinstance(streamed, ResponseFunctionToolCall)
with scripted.responses.create(model=f"drips{suffix}", input=HELLO, stream=True) as dripping:
    left = sum(1 for _ in islice((event for event in dripping if "delta" in event.type), given["pieces"]))
retried = scripted.responses.create(model=f"busy-first{suffix}", input=HELLO)
said = {
    "text": answer.output_text,
    "tokens": answer.usage and answer.usage.output_tokens,
    "finish_reason": answer.incomplete_details and answer.incomplete_details.reason,
    "stream_text": "".join(event.delta for event in events if event.type == "response.output_text.delta"),
    "stream_tokens": final.usage and final.usage.output_tokens,
    "stream_finish_reason": final.incomplete_details and final.incomplete_details.reason,
    "structured": structured.output_text,
    "error": error,
    "tool": json.loads(call.arguments),
    "tool_finish_reason": asked.status,
    "tool_answer": told.output_text,
    "stream_tool": json.loads(streamed.arguments),
    "left": left,
    "retried": retried.output_text,
}
sys.stdout.write(json.dumps(said))
