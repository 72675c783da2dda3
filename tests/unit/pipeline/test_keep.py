"""Which answers are kept for whoever asks the same again."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from gateway.domain.outcome import Outcome
from gateway.pipeline.drive import Pipeline
from gateway.pipeline.kept import KEPT_STREAM_BYTES_MAX, KEPT_WAITING_BYTES_MAX
from tests.support.behaviours import always, breaks_after, json_reply, speaks, sse_reply
from tests.support.fake_inbound import FakeResponder
from tests.support.gateways import (
    CHAT,
    STREAM,
    TWO_TIERS,
    Gateway,
    answer_of,
    events_of,
)
from tests.support.openai_bodies import Words, chat_events, event
from tests.support.scripts import End, Reply, SeenRequest
from tests.support.waiting import eventually


async def test_a_streamed_answer_is_kept_for_whoever_asks_whole() -> None:
    gateway = Gateway()
    await gateway.ask(STREAM)
    whole = await gateway.ask(CHAT)
    assert len(gateway.network.requests) == 1
    assert answer_of(whole)["choices"][0]["message"]["content"] == "Paris is the capital."


async def test_case_42_an_answer_given_for_want_of_a_better_one_is_not_kept() -> None:
    empty = {
        "choices": [{"message": {"role": "assistant", "content": ""}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 1},
    }
    gateway = Gateway(TWO_TIERS.replace("dial: 1000000,", "dial: 1000000, fallback: {on: [empty]},"))
    gateway.network.plan.general = always(json_reply(200, json.dumps(empty).encode()))
    given = await gateway.ask(CHAT)
    assert answer_of(given)["choices"][0]["message"]["content"] == ""
    asked = len(gateway.network.requests)
    gateway.network.plan.general = speaks()
    better = await gateway.ask(CHAT)
    assert len(gateway.network.requests) == asked + 1
    assert answer_of(better)["choices"][0]["message"]["content"] == "Paris is the capital."


async def test_case_42_a_cut_stream_is_not_kept() -> None:
    gateway = Gateway()
    gateway.network.plan.queue(breaks_after(2, End.CLOSE))
    await gateway.ask(STREAM)
    await gateway.ask(STREAM)
    assert len(gateway.network.requests) == 2


async def test_case_42_calls_of_tools_are_passed_on_untouched_and_not_kept() -> None:
    gateway = Gateway()

    def behave(request: SeenRequest) -> Reply:
        message = {"role": "assistant", "content": None, "tool_calls": [{"id": "c", "type": "function"}]}
        choices = [{"index": 0, "message": message, "finish_reason": "tool_calls"}]
        return json_reply(200, json.dumps({"choices": choices}).encode())

    gateway.network.plan.general = behave
    client = await gateway.ask(CHAT)
    assert answer_of(client)["choices"][0]["message"]["tool_calls"][0]["id"] == "c"
    await gateway.ask(CHAT)
    assert len(gateway.network.requests) == 2, "tool calls are not cached"


async def test_a_stream_too_long_to_remember_is_not_kept() -> None:
    gateway = Gateway()
    piece = "x" * (64 * 1024)
    gateway.network.plan.general = speaks(Words(pieces=(piece,) * (KEPT_STREAM_BYTES_MAX // len(piece) + 1)))
    first = await gateway.ask(STREAM)
    assert events_of(first)[-1] == b"[DONE]"
    await gateway.ask(STREAM)
    assert len(gateway.network.requests) == 2


@pytest.mark.parametrize(("piece_bytes", "kept"), [(1_024, True), (KEPT_WAITING_BYTES_MAX, False)])
async def test_for_a_client_that_does_not_read_little_is_remembered(piece_bytes: int, kept: bool) -> None:
    gateway = Gateway()
    gateway.network.plan.general = speaks(Words(pieces=("x" * piece_bytes,) * 4))
    client = gateway.client(STREAM)
    client.responder = _StopsAtTheThird()
    serving = asyncio.create_task(gateway.serve(client))
    await eventually(lambda: len(client.responder.chunks) == 2 and client.responder.is_full)
    client.responder.read_on()
    await serving
    assert events_of(client)[-1] == b"[DONE]"
    await gateway.ask(STREAM)
    assert len(gateway.network.requests) == (1 if kept else 2)


class _StopsAtTheThird(FakeResponder):
    """A client that has read two parts, and then does not read."""

    async def send_chunk(self, data: bytes) -> None:
        await super().send_chunk(data)
        if len(self.chunks) == 2:
            self.stop_reading()


@pytest.mark.parametrize(
    "odd",
    [
        {"choices": [{"index": 1, "delta": {"content": "never finished"}, "finish_reason": None}]},
        {"choices": [{"index": 0, "delta": {"tool_calls": 5}, "finish_reason": None}]},
    ],
)
async def test_a_stream_that_cannot_be_put_together_is_passed_on_and_not_kept(odd: dict[str, object]) -> None:
    gateway = Gateway()
    gateway.network.plan.general = always(sse_reply(event(odd), *chat_events(Words(), usage=True, done=True)))
    client = await gateway.ask(STREAM)
    assert events_of(client)[-1] == b"[DONE]"
    assert gateway.receipt.outcome is Outcome.SUCCESS_UPSTREAM
    assert gateway.faults == []
    await gateway.ask(STREAM)
    assert len(gateway.network.requests) == 2


async def test_case_41_a_client_may_forbid_keeping() -> None:
    gateway = Gateway()
    await gateway.ask(CHAT, headers=((b"cache-control", b"no-store"),))
    await gateway.ask(CHAT)
    assert len(gateway.network.requests) == 2


async def test_a_kept_answer_is_forgotten_after_its_time() -> None:
    gateway = Gateway()
    await gateway.ask(CHAT)
    gateway.clock.advance(0.9 * 3600 - 1)
    assert (await gateway.ask(CHAT)).responder.headers[b"x-tiergate-cache"] == b"exact"
    gateway.clock.advance(2)
    assert (await gateway.ask(CHAT)).responder.headers[b"x-tiergate-cache"] == b"miss"


async def test_a_stream_is_put_together_only_once_there_is_time() -> None:
    gateway, waiting = Gateway(), list[Callable[[], None]]()
    gateway.pipeline = Pipeline(replace(gateway.world, later=waiting.append))
    await gateway.ask(STREAM)
    assert gateway.world.cache.stats()["entries"] == 0, "it is not put together yet"
    assert (await gateway.ask(STREAM)).responder.headers[b"x-tiergate-cache"] == b"coalesced"
    waiting.pop()()
    assert (await gateway.ask(STREAM)).responder.headers[b"x-tiergate-cache"] == b"exact"


def _calls_a_tool(request: SeenRequest) -> Reply:
    call = {"id": "c", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    choices = [{"index": 0, "message": message, "finish_reason": "tool_calls"}]
    return json_reply(200, json.dumps({"choices": choices}).encode())


async def test_calls_of_tools_are_kept_where_the_route_wants_that() -> None:
    gateway = Gateway(TWO_TIERS.replace("cache: {exact", "cache: {tool_calls: true, exact"))
    gateway.network.plan.general = _calls_a_tool
    await gateway.ask(CHAT)
    again = await gateway.ask(CHAT)
    assert again.responder.headers[b"x-tiergate-cache"] == b"exact"
    assert answer_of(again)["choices"][0]["message"]["tool_calls"][0]["id"] == "c"


async def test_an_answer_longer_than_the_route_keeps_is_not_kept() -> None:
    gateway = Gateway(TWO_TIERS.replace("cache: {exact", "cache: {max_answer: 1KiB, exact"))
    gateway.network.plan.general = speaks(Words(pieces=("x" * 1_024,)))
    await gateway.ask(CHAT)
    await gateway.ask(CHAT)
    assert len(gateway.network.requests) == 2
