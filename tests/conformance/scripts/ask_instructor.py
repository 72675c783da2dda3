"""instructor over OpenAI's client: does what `asking.py` says through the base URLs given."""

import json
import sys
from itertools import islice
from typing import Any, Literal

import instructor  # type: ignore[import-not-found]  # installed for this script alone
import openai
from pydantic import BaseModel

given = json.loads(sys.argv[1])
suffix = given["suffix"]
HELLO = {"role": "user", "content": "Hello there"}


class Opinion(BaseModel):
    """What the real server is made to answer."""

    colour: Literal["red", "blue"]
    sure: bool


class Weather(BaseModel):
    """The tool that the scripted server calls: in this library an answer in the form of a call."""

    town: str


def client(where: str, mode: instructor.Mode = instructor.Mode.JSON_SCHEMA) -> Any:
    """Make a client of the real or the scripted server."""
    return instructor.from_openai(openai.OpenAI(base_url=given[where], api_key="unused"), mode=mode)


def ask(where: str, model: str, answer: type[BaseModel] | None = None, **settings: Any) -> Any:
    """Ask for text, or for an answer of that type."""
    return client(where).create(response_model=answer, model=model, messages=[HELLO], **settings)


brief = {"max_tokens": given["tokens"], "temperature": 0}
answer = ask("real", f"auto{suffix}", **brief)
*chunks, usage = ask("real", f"auto{suffix}", **brief, stream=True, stream_options={"include_usage": True})
try:
    ask("scripted", "no-such-model")
    error = ""
except openai.APIError as raised:
    error = type(raised).__name__
except instructor.core.InstructorRetryException as raised:
    error = type(raised).__name__
calling = client("scripted", instructor.Mode.TOOLS)
turn: dict[str, Any] = {"model": f"weather{suffix}", "messages": [HELLO]}
called, raw = calling.create_with_completion(response_model=Weather, **turn)
*_, streamed = calling.create_partial(response_model=Weather, **turn)
dripping = ask("scripted", f"drips{suffix}", stream=True)
left = sum(1 for _ in islice(dripping, given["pieces"]))
dripping.close()
said = {
    "text": answer.choices[0].message.content,
    "tokens": answer.usage.completion_tokens,
    "finish_reason": answer.choices[0].finish_reason,
    "stream_text": "".join(chunk.choices[0].delta.content or "" for chunk in chunks),
    "stream_tokens": usage.usage.completion_tokens,
    "stream_finish_reason": chunks[-1].choices[0].finish_reason,
    "structured": ask("real", f"auto{suffix}", Opinion, temperature=0).model_dump(),
    "error": error,
    "tool": called.model_dump(),
    "tool_finish_reason": raw.choices[0].finish_reason,
    "tool_answer": None,
    "stream_tool": streamed.model_dump(),
    "left": left,
    "retried": ask("scripted", f"busy-first{suffix}").choices[0].message.content,
}
sys.stdout.write(json.dumps(said))
