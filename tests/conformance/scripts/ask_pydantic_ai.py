"""pydantic-ai: does what `asking.py` says through the base URLs given."""

import asyncio
import json
import sys
from typing import Any

from pydantic_ai import (  # type: ignore[import-not-found]  # installed for this script alone
    Agent,
    ModelHTTPError,
    ModelSettings,
    NativeOutput,
    StructuredDict,
)
from pydantic_ai.models.openai import OpenAIChatModel  # type: ignore[import-not-found]
from pydantic_ai.providers.openai import OpenAIProvider  # type: ignore[import-not-found]

given = json.loads(sys.argv[1])
suffix = given["suffix"]
towns: list[str] = []


def agent(where: str, model: str, **settings: Any) -> Any:
    """Make an agent that asks the real or the scripted server."""
    provider = OpenAIProvider(base_url=given[where], api_key="unused")
    return Agent(OpenAIChatModel(model, provider=provider), **settings)


def weather(town: str) -> str:
    """Tell the weather of a town."""
    towns.append(town)
    return "Sunny"


async def leave() -> int:
    """Read a little of a stream that would go on, and close it; return how many pieces came."""
    async with agent("scripted", f"drips{suffix}").run_stream("Hello there") as stream:
        pieces = stream.stream_text(delta=True, debounce_by=None)
        for _ in range(given["pieces"]):
            await anext(pieces)
        await pieces.aclose()
    return int(given["pieces"])


async def main() -> None:
    """Do it all."""
    brief = agent("real", f"auto{suffix}", model_settings=ModelSettings(max_tokens=given["tokens"], temperature=0))
    answer = await brief.run("Hello there")
    async with brief.run_stream("Hello there") as stream:
        text = await stream.get_output()
    opinion = NativeOutput(StructuredDict(given["schema"], name="opinion"))
    structured = await agent("real", f"auto{suffix}", output_type=opinion).run("Hello there")
    try:
        await agent("scripted", "no-such-model").run("Hello")
        error = ""
    except ModelHTTPError as raised:
        error = f"{type(raised).__name__} {raised.status_code}"
    caller = agent("scripted", f"weather{suffix}", tools=[weather])
    told = await caller.run("Hello there")
    async with caller.run_stream("Hello there") as calling:
        await calling.get_output()
    left = await leave()
    retried = await agent("scripted", f"busy-first{suffix}").run("Hello there")
    said = {
        "text": answer.output,
        "tokens": answer.usage.output_tokens,
        "finish_reason": answer.response.finish_reason,
        "stream_text": text,
        "stream_tokens": stream.usage.output_tokens,
        "stream_finish_reason": stream.response.finish_reason,
        "structured": structured.output,
        "error": error,
        "tool": {"town": towns[0]},
        "tool_finish_reason": told.all_messages()[1].finish_reason,
        "tool_answer": told.output,
        "stream_tool": {"town": towns[1]},
        "left": left,
        "retried": retried.output,
    }
    sys.stdout.write(json.dumps(said))


asyncio.run(main())
