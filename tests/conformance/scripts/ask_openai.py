"""openai for Python: complete, stream and fail through the base URL given; print what came of it as JSON."""

import json
import sys

import openai

client = openai.OpenAI(base_url=sys.argv[1], api_key="unused")
answer = client.chat.completions.create(
    model="auto", messages=[{"role": "user", "content": "Hello there"}], max_tokens=8, temperature=0
)
chunks = list(
    client.chat.completions.create(
        model="auto",
        messages=[{"role": "user", "content": "Hello there"}],
        max_tokens=8,
        temperature=0,
        stream=True,
        stream_options={"include_usage": True},
    )
)
try:
    client.chat.completions.create(model="no-such-model", messages=[{"role": "user", "content": "Hello"}])
    error = ""
except openai.APIError as raised:
    error = type(raised).__name__
said = {
    "text": answer.choices[0].message.content,
    "tokens": answer.usage and answer.usage.completion_tokens,
    "finish_reason": answer.choices[0].finish_reason,
    "stream_text": "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices),
    "stream_tokens": chunks[-1].usage and chunks[-1].usage.completion_tokens,
    "stream_finish_reason": chunks[-2].choices[0].finish_reason,
    "error": error,
}
sys.stdout.write(json.dumps(said))
