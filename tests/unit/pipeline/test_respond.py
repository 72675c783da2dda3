"""The head of an answer, and the few headers that every answer carries."""

import pytest

from tests.support.behaviours import always
from tests.support.gateways import CHAT, KEYED, STREAM, TEAM_KEY, Gateway, answer_of
from tests.support.openai_bodies import Words, chat_answer
from tests.support.scripts import RawHeaders, Reply, Send


async def test_an_answer_goes_back_byte_for_byte_with_its_headers() -> None:
    gateway = Gateway()
    client = await gateway.ask(CHAT)
    assert client.responder.status == 200
    assert answer_of(client)["choices"][0]["message"]["content"] == "Paris is the capital."
    headers = client.responder.headers
    assert headers[b"content-length"] == b"%d" % len(client.responder.body)
    assert headers[b"x-tiergate-tier"] == b"small"
    assert headers[b"x-tiergate-model"] == b"answer"
    assert headers[b"x-tiergate-cache"] == b"miss"
    assert headers[b"x-tiergate-attempts"] == b"1"
    assert headers[b"x-tiergate-request-id"] == b"req_1"
    assert headers[b"x-tiergate-snapshot"] == gateway.policy.snapshot.id.encode()


@pytest.mark.parametrize("headers", [(), ((b"content-type", b"text/plain"),)])
async def test_an_answer_is_called_json_whatever_its_server_calls_it(headers: RawHeaders) -> None:
    gateway = Gateway()
    gateway.network.plan.general = always(Reply(200, headers, body=(Send(chat_answer(Words())),)))
    client = await gateway.ask(CHAT)
    assert client.responder.headers[b"content-type"] == b"application/json"


async def test_a_stream_asks_proxies_not_to_hold_it_back() -> None:
    gateway = Gateway()
    client = await gateway.ask(STREAM)
    assert client.responder.headers[b"content-type"] == b"text/event-stream; charset=utf-8"
    assert client.responder.headers[b"x-accel-buffering"] == b"no"
    assert client.responder.headers[b"cache-control"] == b"no-cache"


async def test_a_refusal_carries_the_requests_id_and_its_length() -> None:
    client = await Gateway(KEYED).ask(CHAT)
    assert client.responder.headers[b"x-tiergate-request-id"] == b"req_1"
    assert client.responder.headers[b"content-length"] == b"%d" % len(client.responder.body)


async def test_what_a_server_says_of_itself_does_not_reach_the_client() -> None:
    gateway = Gateway()
    own = ((b"content-type", b"application/json"), (b"server", b"uvicorn"), (b"set-cookie", b"a=b"))
    gateway.network.plan.general = always(Reply(200, own, body=(Send(chat_answer(Words())),)))
    client = await gateway.ask(CHAT)
    assert not {b"server", b"set-cookie", b"transfer-encoding"} & client.responder.headers.keys()


async def test_the_decision_is_explained_to_who_asks_and_may() -> None:
    gateway = Gateway()
    plain = await gateway.ask(CHAT)
    assert b"x-tiergate-reason" not in plain.responder.headers
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    body = {**CHAT, "messages": [{"role": "user", "content": [image]}]}
    asked = await gateway.ask(body, headers=((b"x-tiergate-debug", b"true"),))
    assert asked.responder.headers[b"x-tiergate-reason"] == b"only_able"
    assert b"small=0.550 (vision), large=0." in asked.responder.headers[b"x-tiergate-acceptance"]
    assert asked.responder.headers[b"x-tiergate-dial"] == b"1e+06"


async def test_a_key_without_leave_is_not_told_how_tiers_compare() -> None:
    gateway = Gateway(KEYED)
    client = await gateway.ask(CHAT, key=TEAM_KEY, headers=((b"x-tiergate-debug", b"true"),))
    assert client.responder.status == 200
    assert b"x-tiergate-acceptance" not in client.responder.headers
