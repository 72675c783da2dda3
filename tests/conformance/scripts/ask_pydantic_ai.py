"""pydantic-ai: complete, stream and fail through the base URL given; print what came of it as JSON."""

import asyncio
import json
import sys
from typing import Any

from pydantic_ai import Agent, ModelHTTPError, ModelSettings  # type: ignore[import-not-found]  # for this script alone
from pydantic_ai.models.openai import OpenAIChatModel  # type: ignore[import-not-found]
from pydantic_ai.providers.openai import OpenAIProvider  # type: ignore[import-not-found]

provider = OpenAIProvider(base_url=sys.argv[1], api_key="unused")


def agent(model: str) -> Any:
    """Make an agent that says little."""
    return Agent(OpenAIChatModel(model, provider=provider), model_settings=ModelSettings(max_tokens=8, temperature=0))


async def main() -> None:
    """Ask, stream, fail."""
    answer = await agent("auto").run("Hello there")
    async with agent("auto").run_stream("Hello there") as stream:
        text = await stream.get_output()
    try:
        await agent("no-such-model").run("Hello")
        error = ""
    except ModelHTTPError as raised:
        error = f"{type(raised).__name__} {raised.status_code}"
    said = {
        "text": answer.output,
        "tokens": answer.usage.output_tokens,
        "finish_reason": answer.response.finish_reason,
        "stream_text": text,
        "stream_tokens": stream.usage.output_tokens,
        "stream_finish_reason": stream.response.finish_reason,
        "error": error,
    }
    sys.stdout.write(json.dumps(said))


asyncio.run(main())
