"""The official client's process: whatever comes back from a gateway, one line tells it."""

import pytest

pytest.importorskip("openai")

import httpx
from openai import AsyncOpenAI, DefaultAsyncHttpxClient

from gateway.app.demo_client import ask, receipt
from tests.support.fault_server import FaultServer
from tests.support.networks import free_port

QUESTION = {"model": "ok", "messages": [{"role": "user", "content": "hi"}]}


def client_of(base_url: str) -> AsyncOpenAI:
    return AsyncOpenAI(
        base_url=base_url, api_key="x", max_retries=0, http_client=DefaultAsyncHttpxClient(trust_env=False)
    )


async def test_an_answer_is_told_the_same_whole_or_streamed() -> None:
    async with FaultServer() as server, client_of(server.base_url) as client:
        whole = await ask(client, QUESTION)
        streamed = await ask(client, QUESTION | {"stream": True})
    assert whole["status"] == streamed["status"] == 200
    assert whole["text"] == streamed["text"] != ""
    assert whole["finish_reason"] == streamed["finish_reason"] == "stop"


async def test_a_refusal_is_told_with_its_status_and_message() -> None:
    async with FaultServer() as server, client_of(server.base_url) as client:
        told = await ask(client, QUESTION | {"model": "busy"})
    assert told["status"] >= 400
    assert told["error"]


async def test_a_gateway_that_is_not_there_is_told_without_a_status() -> None:
    async with client_of(f"http://127.0.0.1:{free_port()}/v1") as client:
        told = await ask(client, QUESTION)
    assert told["status"] is None
    assert told["error"]


async def test_a_receipt_that_cannot_be_fetched_is_none() -> None:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{free_port()}", trust_env=False) as http:
        assert await receipt(http, "req_1") is None


async def test_a_receipt_that_is_a_moment_late_is_waited_for() -> None:
    answers = iter((httpx.Response(404), httpx.Response(404), httpx.Response(200, json={"request_id": "req_1"})))
    transport = httpx.MockTransport(lambda _: next(answers))
    async with httpx.AsyncClient(base_url="http://gateway/v1", transport=transport) as http:
        assert await receipt(http, "req_1") == {"request_id": "req_1"}
