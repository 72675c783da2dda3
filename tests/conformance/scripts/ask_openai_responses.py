"""openai for Python over the Responses API: the same as `ask_openai.py`."""

import json
import sys

import openai

client = openai.OpenAI(base_url=sys.argv[1], api_key="unused")
answer = client.responses.create(model="auto", input="Hello there", max_output_tokens=8, temperature=0)
events = list(
    client.responses.create(model="auto", input="Hello there", max_output_tokens=8, temperature=0, stream=True)
)
final = next(event.response for event in events if event.type == "response.incomplete")
try:
    client.responses.create(model="no-such-model", input="Hello")
    error = ""
except openai.APIError as raised:
    error = type(raised).__name__
said = {
    "text": answer.output_text,
    "tokens": answer.usage and answer.usage.output_tokens,
    "finish_reason": answer.incomplete_details and answer.incomplete_details.reason,
    "stream_text": "".join(event.delta for event in events if event.type == "response.output_text.delta"),
    "stream_tokens": final.usage and final.usage.output_tokens,
    "stream_finish_reason": final.incomplete_details and final.incomplete_details.reason,
    "error": error,
}
sys.stdout.write(json.dumps(said))
