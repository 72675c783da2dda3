"""Counting over ASGI, in the dialect of its clients."""

import httpx
import pytest

from gateway.app.door import create_app
from gateway.app.message_routes import message_routes
from tests.support.gateways import Gateway
from tests.unit.pipeline.test_count import PROMPT


async def sent(method: str, document: object) -> httpx.Response:
    gateway = Gateway()
    transport = httpx.ASGITransport(app=create_app(gateway.pipeline, message_routes(gateway.world)))
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        return await client.request(method, "/v1/messages/count_tokens", json=document)


async def test_a_count_is_what_anthropics_clients_read() -> None:
    response = await sent("POST", PROMPT)
    assert response.status_code == 200
    assert response.json().keys() == {"input_tokens"}


@pytest.mark.parametrize(
    ("document", "kind"), [({}, "invalid_request_error"), ({**PROMPT, "model": "x"}, "not_found_error")]
)
async def test_an_error_has_anthropics_shape(document: object, kind: str) -> None:
    response = await sent("POST", document)
    assert (response.json()["type"], response.json()["error"]["type"]) == ("error", kind)
