"""What a client gets whole of an answer that was streamed upstream is what the real server says unstreamed."""

from typing import Any

import httpx
import pytest

from gateway.app.demo_models import ModelServer
from tests.support.gateway_process import RunningGateway
from tests.support.live_policies import TEAM_KEY
from tests.support.waiting import answered

pytestmark = pytest.mark.servers

FIVE_LETTERS = "root ::= [a-z] [a-z] [a-z] [a-z] [a-z]"
"""Random weights would go on up to the limit, and answers that were cut are not kept."""
CHAT: dict[str, Any] = {"messages": [{"role": "user", "content": "Hello there"}]}
SCHEMA = {"type": "object", "properties": {"colour": {"enum": ["red", "blue"]}}, "required": ["colour"]}
OPINION = {"type": "json_schema", "json_schema": {"name": "opinion", "schema": SCHEMA}}
EACH_ITS_OWN = {"id", "created", "timings"}
"""Members that differ between any two answers."""


def said(body: dict[str, Any]) -> dict[str, Any]:
    """Return what an answer says. Unstreamed, llama.cpp gives odds for the token that ends the answer too: those go."""
    for choice in body["choices"]:
        if odds := choice.get("logprobs"):
            odds["content"] = [token for token in odds["content"] if token["token"]]
    return {name: value for name, value in body.items() if name not in EACH_ITS_OWN}


@pytest.mark.parametrize(
    ("path", "members"),
    [
        ("/chat/completions", {**CHAT, "grammar": FIVE_LETTERS}),
        ("/chat/completions", {**CHAT, "grammar": FIVE_LETTERS, "logprobs": True, "top_logprobs": 2}),
        ("/chat/completions", {**CHAT, "response_format": OPINION}),
        ("/completions", {"prompt": "Once upon a time", "grammar": FIVE_LETTERS}),
    ],
    ids=["text", "logprobs", "schema", "completion"],
)
async def test_an_answer_that_was_streamed_is_given_whole_as_its_server_would_have(
    live_gateway: RunningGateway, nano_server: ModelServer, path: str, members: dict[str, Any]
) -> None:
    asked = {**members, "temperature": 0, "seed": 7, "cache_prompt": False}
    key = {"authorization": f"Bearer {TEAM_KEY}"}
    async with httpx.AsyncClient(trust_env=False, timeout=30.0) as client:
        own = await client.post(nano_server.base_url + path, json={**asked, "model": "nano"})
        url = live_gateway.base_url + path

        async def ask(*, stream: bool) -> httpx.Response:
            return await client.post(url, json={**asked, "model": "cached", "stream": stream}, headers=key)

        # A stream is kept a moment after its end. Until then only streams are asked for: a whole answer would be kept.
        await answered(lambda: ask(stream=True), lambda answer: answer.headers["x-tiergate-cache"] == "exact")
        whole = await ask(stream=False)
    assert whole.headers["x-tiergate-cache"] == "exact"
    assert said(whole.json()) == said(own.json())
