"""Readers of streams that were never made for us get what was written: curl, and an EventSource by the standard."""

import json
import subprocess
from collections.abc import Callable, Sequence

import httpx
import pytest

from tests.e2e.test_openai_client import HELLO
from tests.support.event_source import EventSource, MessageEvent
from tests.support.gateway_process import RunningGateway

READ_WITHIN_S = 20.0


def by_curl(base_url: str, body: dict[str, object]) -> bytes:
    """Ask with curl, unbuffered; it fails on an answer that is framed wrongly or ends before its end."""
    command = ["curl", "-sSN", "--fail-with-body", "-H", "content-type: application/json", "--data-binary", "@-"]
    asked = [*command, base_url + "/chat/completions"]
    done = subprocess.run(asked, input=json.dumps(body).encode(), capture_output=True, timeout=READ_WITHIN_S)
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout


def by_httpx(base_url: str, body: dict[str, object]) -> bytes:
    """Ask with httpx."""
    return httpx.post(base_url + "/chat/completions", json=body, timeout=READ_WITHIN_S, trust_env=False).content


READERS = pytest.mark.parametrize("read", [by_curl, by_httpx])
Reader = Callable[[str, dict[str, object]], bytes]


def events_of(stream: bytes) -> Sequence[MessageEvent]:
    """Return what an EventSource dispatches of a stream that reaches it in small pieces."""
    source = EventSource()
    for at in range(0, len(stream), 5):
        source.feed(stream[at : at + 5])
    return source.events


def streamed(model: str, **members: object) -> dict[str, object]:
    """Make the body of a request for a stream."""
    return {"model": model, "messages": HELLO, "stream": True, **members}


@READERS
def test_a_stream_is_read_event_by_event_to_its_one_end(scripted_gateway: RunningGateway, read: Reader) -> None:
    asked = streamed("streams-200", stream_options={"include_usage": True})
    *said, usage, done = events_of(read(scripted_gateway.base_url, asked))
    assert {(event.type, event.last_event_id) for event in said} == {("message", "")}
    deltas = [json.loads(event.data)["choices"][0]["delta"] for event in said]
    assert [delta["content"] for delta in deltas if delta.get("content")] == [f" w{number}" for number in range(200)]
    assert json.loads(usage.data)["usage"]["completion_tokens"] == 200
    assert done.data == "[DONE]"


@READERS
def test_a_stream_that_broke_off_ends_with_an_event_that_says_so(
    scripted_gateway: RunningGateway, read: Reader
) -> None:
    *said, last = events_of(read(scripted_gateway.base_url, streamed("closes-after-3")))
    assert (last.type, json.loads(last.data)["error"]["code"]) == ("message", "stream_interrupted")
    assert "[DONE]" not in [event.data for event in said]


def test_curl_gets_a_whole_answer_and_an_error_as_they_are(scripted_gateway: RunningGateway) -> None:
    whole = json.loads(by_curl(scripted_gateway.base_url, {"model": "ok", "messages": HELLO}))
    assert whole["choices"][0]["message"]["content"] == "Paris is the capital."
    command = ["curl", "-sS", "-w", "%{http_code}", "--json", '{"model": "nobody"}']
    done = subprocess.run([*command, scripted_gateway.base_url + "/chat/completions"], capture_output=True, check=True)
    assert done.stdout[-3:] == b"400"
    assert json.loads(done.stdout[:-3])["error"]["type"] == "invalid_request_error"
