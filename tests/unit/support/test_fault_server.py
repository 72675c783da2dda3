"""The scripted model server does what its scripts say, seen through an ordinary HTTP client."""

import json
import subprocess
import sys

import httpx
import pytest

from tests.support.behaviours import FIXED, breaks_after, speaks
from tests.support.fault_server import FaultServer
from tests.support.openai_bodies import ToolCall, Words
from tests.support.scripts import End
from tests.support.waiting import eventually


def chat(model: str, *, stream: bool = False, **more: object) -> dict[str, object]:
    return {"model": model, "messages": [{"role": "user", "content": "hi"}], "stream": stream, **more}


async def test_it_answers_chat_with_usage_and_records_the_request() -> None:
    async with FaultServer() as server, httpx.AsyncClient() as client:
        reply = await client.post(server.base_url + "/chat/completions", json=chat("ok"), headers={"x-a": "b"})
        assert reply.json()["choices"][0]["message"]["content"] == "Paris is the capital."
        assert reply.json()["usage"]["completion_tokens"] == 5
        seen = server.requests[0]
        assert (seen.path, seen.model, seen.header(b"x-a")) == ("/v1/chat/completions", "ok", b"b")
        assert seen.finished.is_set()
        assert seen.gone_at_s is None


@pytest.mark.parametrize("asked", [True, False])
async def test_a_stream_ends_with_done_and_has_usage_when_asked(asked: bool) -> None:
    async with FaultServer() as server, httpx.AsyncClient() as client:
        options = {"include_usage": asked}
        url = server.base_url + "/chat/completions"
        body = (await client.post(url, json=chat("ok", stream=True, stream_options=options))).content
        assert body.endswith(b"data: [DONE]\n\n")
        assert (b'"usage":{' in body) is asked


@pytest.mark.parametrize("model", sorted(set(FIXED) - {"mute", "reset", "hangs-up"}))
async def test_every_named_behaviour_that_answers_is_sound_http(model: str) -> None:
    async with FaultServer() as server, httpx.AsyncClient() as client:
        reply = await client.post(server.base_url + "/chat/completions", json=chat(model))
        assert reply.status_code in {200, 400, 429, 500, 502, 503}


async def test_tool_calls_are_answered_in_words_once_the_result_is_there() -> None:
    tools = [{"type": "function", "function": {"name": "weather"}}]
    async with FaultServer() as server, httpx.AsyncClient() as client:
        url = server.base_url + "/chat/completions"
        first = (await client.post(url, json=chat("tools", tools=tools))).json()
        assert first["choices"][0]["finish_reason"] == "tool_calls"
        assert first["choices"][0]["message"]["tool_calls"][0]["function"]["name"] == "weather"
        result = {"role": "tool", "tool_call_id": "call_1", "content": "sunny"}
        second = (await client.post(url, json=chat("tools", tools=tools) | {"messages": [result]})).json()
        assert second["choices"][0]["finish_reason"] == "stop"


async def test_a_streamed_tool_call_arrives_in_parts_that_join_to_its_arguments() -> None:
    said = Words(tool=ToolCall("weather", '{"city":"Paris"}'))
    async with FaultServer() as server, httpx.AsyncClient() as client:
        server.plan.queue(speaks(said))
        body = (await client.post(server.base_url + "/chat/completions", json=chat("x", stream=True))).text
    events = [json.loads(line[6:]) for line in body.splitlines() if line.startswith("data: {")]
    calls = [call for e in events for c in e["choices"] for call in c["delta"].get("tool_calls", [])]
    assert "".join(call["function"]["arguments"] for call in calls) == '{"city":"Paris"}'


@pytest.mark.parametrize("end", [End.RESET, End.CLOSE])
async def test_a_stream_can_be_cut_after_some_chunks(end: End) -> None:
    async with FaultServer() as server, httpx.AsyncClient() as client:
        server.plan.models["m"] = breaks_after(2, end)
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            await client.post(server.base_url + "/chat/completions", json=chat("m", stream=True))


async def test_a_caller_who_leaves_is_noticed() -> None:
    async with FaultServer() as server, httpx.AsyncClient() as client:
        body = chat("stalls-after:2", stream=True)
        async with client.stream("POST", server.base_url + "/chat/completions", json=body) as reply:
            await anext(reply.aiter_bytes())
        await eventually(lambda: server.requests[0].gone.is_set())
        assert server.requests[0].gone_at_s is not None


async def test_control_calls_choose_the_next_behaviour_and_list_what_was_seen() -> None:
    async with FaultServer() as server, httpx.AsyncClient() as client:
        await client.post(server.origin + "/control/next", json={"model": "busy"})
        url = server.base_url + "/chat/completions"
        statuses = [(await client.post(url, json=chat("any"))).status_code for _ in range(2)]
        assert statuses == [429, 200]
        listed = (await client.get(server.origin + "/control/requests")).json()
        assert [seen["model"] for seen in listed] == ["any", "any"]


def test_it_runs_on_its_own() -> None:
    command = [sys.executable, "-m", "tests.support.fault_server", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        base_url = process.stdout.readline().split()[-1]
        assert httpx.get(base_url.removesuffix("/v1") + "/health", trust_env=False).json() == {"status": "ok"}
        assert httpx.post(base_url + "/chat/completions", json=chat("busy"), trust_env=False).status_code == 429
        process.terminate()
