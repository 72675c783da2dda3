"""llama-index, with its class for servers like OpenAI's: does what `asking.py` says through the base URLs given."""

import gc
import json
import sys
from itertools import islice
from typing import Any, Literal

import openai
from llama_index.core.llms import ChatMessage  # type: ignore[import-not-found]  # installed for this script alone
from llama_index.core.prompts import PromptTemplate  # type: ignore[import-not-found]
from llama_index.core.tools import FunctionTool  # type: ignore[import-not-found]
from llama_index.llms.openai_like import OpenAILike  # type: ignore[import-not-found]
from pydantic import BaseModel

given = json.loads(sys.argv[1])
suffix = given["suffix"]
HELLO = ChatMessage(role="user", content="Hello there")


class Opinion(BaseModel):
    """This library takes a schema only as a class."""

    colour: Literal["red", "blue"]
    sure: bool


def weather(town: str) -> str:
    """Tell the weather of a town."""
    return f"Sunny in {town}"


def model(where: str, name: str, **settings: Any) -> Any:
    """Make a model of the real or the scripted server."""
    return OpenAILike(
        model=name,
        api_base=given[where],
        api_key="unused",
        is_chat_model=True,
        is_function_calling_model=True,
        should_use_structured_outputs=True,
        **settings,
    )


brief = model("real", f"auto{suffix}", max_tokens=given["tokens"], temperature=0)
answer = brief.chat([HELLO])
*pieces, last = brief.stream_chat([HELLO], stream_options={"include_usage": True})
structured = model("real", f"auto{suffix}", temperature=0).structured_predict(Opinion, PromptTemplate("Hello there"))
try:
    model("scripted", "no-such-model").chat([HELLO])
    error = ""
except openai.APIError as raised:
    error = type(raised).__name__
caller, tools = model("scripted", f"weather{suffix}"), [FunctionTool.from_defaults(weather)]
asked = caller.chat_with_tools(tools, chat_history=[HELLO])
(call,) = caller.get_tool_calls_from_response(asked)
result = ChatMessage(role="tool", content="Sunny", additional_kwargs={"tool_call_id": call.tool_id})
told = caller.chat_with_tools(tools, chat_history=[HELLO, asked.message, result])
*_, calling = caller.stream_chat_with_tools(tools, chat_history=[HELLO])
(streamed,) = caller.get_tool_calls_from_response(calling)
dripping = model("scripted", f"drips{suffix}").stream_chat([HELLO])
left = sum(1 for _ in islice(dripping, given["pieces"]))
# Closing it ends only the outermost of its generators; the one that reads goes when nothing holds it.
del dripping
gc.collect()
said = {
    "text": answer.message.content,
    "tokens": answer.raw.usage.completion_tokens,
    "finish_reason": answer.raw.choices[0].finish_reason,
    "stream_text": last.message.content,
    "stream_tokens": last.raw.usage.completion_tokens,
    "stream_finish_reason": pieces[-1].raw.choices[0].finish_reason,
    "structured": structured.model_dump(),
    "error": error,
    "tool": call.tool_kwargs,
    "tool_finish_reason": asked.raw.choices[0].finish_reason,
    "tool_answer": told.message.content,
    "stream_tool": streamed.tool_kwargs,
    "left": left,
    "retried": model("scripted", f"busy-first{suffix}").chat([HELLO]).message.content,
}
sys.stdout.write(json.dumps(said))
