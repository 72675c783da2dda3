"""anthropic for Python: complete, stream and fail through the base URL given; print what came of it as JSON."""

import json
import sys

import anthropic
from anthropic.types import MessageParam

HELLO: MessageParam = {"role": "user", "content": "Hello there"}
COLD = {"temperature": 0}
"""Anthropic's newest models take no temperature, and so this client has no parameter of that name."""

# This client adds /v1 by itself.
client = anthropic.Anthropic(base_url=sys.argv[1].removesuffix("/v1"), api_key="unused")
answer = client.messages.create(model="auto", max_tokens=8, messages=[HELLO], extra_body=COLD)
with client.messages.stream(model="auto", max_tokens=8, messages=[HELLO], extra_body=COLD) as stream:
    pieces = list(stream.text_stream)
    streamed = stream.get_final_message()
try:
    client.messages.create(model="no-such-model", max_tokens=8, messages=[HELLO])
    error = ""
except anthropic.APIError as raised:
    error = type(raised).__name__
said = {
    "text": "".join(block.text for block in answer.content if block.type == "text"),
    "tokens": answer.usage.output_tokens,
    "finish_reason": answer.stop_reason,
    "stream_text": "".join(pieces),
    "stream_tokens": streamed.usage.output_tokens,
    "stream_finish_reason": streamed.stop_reason,
    "error": error,
}
sys.stdout.write(json.dumps(said))
