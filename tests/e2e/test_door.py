"""One spelling for each route; everything else is a plain 404 or 405 in the shape clients expect."""

import asyncio
import json

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway.app.door import Door, create_app
from gateway.app.edge_protocol import edge_protocol
from gateway.domain.errors import ErrorCode, GatewayError
from gateway.domain.limits import EdgeLimits
from gateway.domain.request import Operation
from gateway.ports import ClientGone, Inbound, Responder
from tests.e2e.edge_handlers import Echo
from tests.support.live_edge import live_edge
from tests.support.raw_http import Answer, converse, post

EMPTY = (b"Content-Length: 0", b"Connection: close")


async def models(request: Request) -> Response:
    """Stand for a cold route."""
    return JSONResponse({"data": []})


async def guarded(request: Request) -> Response:
    """Stand for a cold route that refuses its caller."""
    raise GatewayError(ErrorCode.MISSING_API_KEY, "Send a key.")


async def named(request: Request) -> Response:
    """Say which name was read."""
    return JSONResponse(request.path_params["model"])


async def broken(request: Request) -> Response:
    """Stand for a cold route with a fault of its own."""
    raise ZeroDivisionError("secret detail")


def door(echo: Echo) -> Door:
    """Build the application with four cold routes."""
    routes = [
        Route("/v1/models", models),
        Route("/v1/models/{model:path}", named),
        Route("/v1/receipts/{id}", guarded),
        Route("/broken", broken),
    ]
    return create_app(echo, routes)


async def ask(request: bytes) -> tuple[Answer, int]:
    """Return the one answer, and how many requests reached the pipeline."""
    echo = Echo()
    async with live_edge(door(echo), edge_protocol(EdgeLimits)) as port:
        (answer,) = await converse(port, request)
        return answer, echo.calls


def get(path: bytes, *lines: bytes, method: bytes = b"GET") -> bytes:
    """Write a request without a body."""
    return b"\r\n".join([method + b" " + path + b" HTTP/1.1", b"Host: gateway", *lines, *EMPTY, b"", b""])


@pytest.mark.parametrize("path", [b"/v1/chat/completions", b"/v1/completions", b"/v1/embeddings"])
async def test_hot_routes_reach_the_pipeline(path: bytes) -> None:
    answer, calls = await ask(post(*EMPTY, path=path))
    assert (answer.status, calls) == (200, 1)


async def test_a_query_does_not_change_the_route() -> None:
    answer, calls = await ask(post(*EMPTY, path=b"/v1/chat/completions?api-version=1"))
    assert (answer.status, calls) == (200, 1)


async def test_cold_routes_reach_starlette() -> None:
    answer, calls = await ask(get(b"/v1/models"))
    assert (answer.status, answer.body, calls) == (200, b'{"data":[]}', 0)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        (b"/v1/models/auto", "auto"),
        (b"/v1/models/acme%2Fauto", "acme/auto"),
        (b"/v1/models/%2e%2e/%2e%2e/admin", "../../admin"),
        (b"/v1/models/..%2f..%2fbroken", "../../broken"),
        (b"/v1/models/../../broken", "../../broken"),
        (b"/v1/models/..;/admin", "..;/admin"),
        (b"/v1/models/", ""),
    ],
)
async def test_what_is_escaped_in_a_models_name_stays_in_it(path: bytes, name: str) -> None:
    answer, _ = await ask(get(path))
    assert (answer.status, json.loads(answer.body)) == (200, name)


@pytest.mark.parametrize(
    "path",
    [
        b"/v1//chat/completions",
        b"//v1/chat/completions",
        b"/v1/%63hat/completions",
        b"/v1/chat%2Fcompletions",
        b"/v1/chat/completions/",
        b"/v1/chat/completions;x=1",
        b"/v1/chat/../chat/completions",
        b"/v1/./chat/completions",
        b"/..;/admin",
        b"/V1/chat/completions",
        b"/v1/%6dodels",
        b"/v1/models%00",
        b"/v1/models%ff",
        b"/v1\\models",
        b"/",
        b"/admin",
    ],
)
@pytest.mark.parametrize("method", [b"POST", b"GET"])
async def test_any_other_spelling_is_unknown(method: bytes, path: bytes) -> None:
    answer, calls = await ask(get(path, method=method))
    assert (answer.status, answer.code, calls) == (404, "not_found", 0)


@pytest.mark.parametrize("method", [b"GET", b"PUT", b"DELETE", b"OPTIONS", b"PATCH", b"TRACE"])
async def test_hot_routes_answer_post_only(method: bytes) -> None:
    answer, calls = await ask(get(b"/v1/chat/completions", method=method))
    assert (answer.status, answer.code, calls) == (405, "method_not_allowed", 0)
    assert answer.headers[b"allow"] == b"POST"


async def test_cold_routes_name_their_methods() -> None:
    answer, _ = await ask(get(b"/v1/models", method=b"DELETE"))
    assert (answer.status, answer.code) == (405, "method_not_allowed")
    assert set(answer.headers[b"allow"].split(b", ")) == {b"GET", b"HEAD"}


@pytest.mark.parametrize("name", [b"X-HTTP-Method-Override", b"X-HTTP-Method", b"X-Method-Override"])
async def test_headers_that_ask_for_another_method_are_not_read(name: bytes) -> None:
    answer, calls = await ask(get(b"/v1/chat/completions", name + b": POST"))
    assert (answer.status, calls) == (405, 0)


@pytest.mark.parametrize("name", [b"X-Original-URL", b"X-Rewrite-URL", b"X-Forwarded-Path"])
async def test_headers_that_ask_for_another_path_are_not_read(name: bytes) -> None:
    answer, calls = await ask(get(b"/unknown", name + b": /v1/models"))
    assert (answer.status, calls) == (404, 0)


async def test_a_head_request_gets_no_body() -> None:
    answer, _ = await ask(get(b"/v1/chat/completions", method=b"HEAD"))
    assert answer.status == 405


async def test_a_cold_route_may_refuse_in_the_same_shape() -> None:
    answer, _ = await ask(get(b"/v1/receipts/1"))
    assert (answer.status, answer.code) == (401, "missing_api_key")


async def test_a_fault_in_a_cold_route_is_told_without_its_details() -> None:
    answer, _ = await ask(get(b"/broken"))
    assert (answer.status, answer.code) == (500, "internal_error")
    assert b"secret" not in answer.body


async def test_a_pipeline_that_lets_the_clients_leaving_through_is_no_fault() -> None:
    left = asyncio.Event()

    async def handler(operation: Operation, inbound: Inbound, responder: Responder) -> None:
        left.set()
        raise ClientGone

    async with live_edge(create_app(handler, []), edge_protocol(EdgeLimits)) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(post(b"Content-Length: 2"))
        await left.wait()
        writer.close()
