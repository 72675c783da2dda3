"""The v2 protocol over HTTP: how answers may be written, and what is not taken for one."""

import json

import httpx
import pytest

from gateway.adapters.oip_http import HttpInference, read_answer
from gateway.adapters.oip_model import BadAnswer, Overloaded, RemoteTrouble, Unreachable
from gateway.domain.remote_model import RemoteModel
from gateway.domain.tier import Secret

LATENT = {"name": "latent", "datatype": "FP32", "shape": [1, 2], "data": [1.5, -2]}
REMOTE = RemoteModel("https://scorer.example/triton", "http", "my model", "1/2", Secret("k"))


def body(**changes: object) -> bytes:
    return json.dumps({"model_name": "m", "outputs": [{"name": "other", **LATENT, **changes}]}).encode()


@pytest.mark.parametrize("data", [[1.5, -2], [[1.5, -2.0]]])
def test_numbers_are_read_flat_and_nested(data: list[object]) -> None:
    assert read_answer(body(data=data), ["latent"])["latent"].tolist() == [1.5, -2.0]


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"[]",
        b'{"outputs": []}',
        body(data=[]),
        body(data=[[1.0], [2.0, 3.0]]),
        body(data=[1.0, "2"]),
        body(data=[1.0, None]),
        body(shape=[2]),
        body(datatype="FP16"),
        body(name="embedding"),
        body().replace(b"1.5", b"NaN"),
        body().replace(b"1.5", b"1e999"),
    ],
)
def test_what_is_not_an_answer_is_found_out(answer: bytes) -> None:
    with pytest.raises(BadAnswer):
        read_answer(answer, ["latent"])


async def test_names_and_versions_are_quoted_below_the_path_of_the_base_url() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, stream=httpx.ByteStream(body() if request.method == "POST" else b"{}"))

    server = HttpInference(REMOTE, httpx.MockTransport(answer))
    assert (await server.infer([1], [1], ["latent"], 1.0))["latent"].tolist() == [1.5, -2.0]
    assert await server.is_ready()
    assert await server.is_loaded()
    assert [request.url.raw_path for request in seen] == [
        b"/triton/v2/models/my%20model/versions/1%2F2/infer",
        b"/triton/v2/health/ready",
        b"/triton/v2/models/my%20model/versions/1%2F2/ready",
    ]
    assert {request.headers["host"] for request in seen} == {"scorer.example"}
    assert {request.headers["authorization"] for request in seen} == {"Bearer k"}


@pytest.mark.parametrize(
    ("status", "said", "is_ready"),
    [
        (200, b'{"ready": false}', False),
        (200, b'{"ready": true}', True),
        (200, b"", True),
        (503, b"", False),
        (500, b"", False),
        (404, b"", False),
    ],
)
async def test_readiness_is_read_from_status_and_body(status: int, said: bytes, is_ready: bool) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(status, stream=httpx.ByteStream(said))

    assert await HttpInference(REMOTE, httpx.MockTransport(answer)).is_ready() is is_ready


async def test_a_description_that_is_none_is_a_bad_answer() -> None:
    transport = httpx.MockTransport(lambda request: httpx.Response(200, stream=httpx.ByteStream(b"<html>")))
    with pytest.raises(BadAnswer):
        await HttpInference(REMOTE, transport).served_model()


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (httpx.PoolTimeout, Overloaded),
        (httpx.ConnectTimeout, Unreachable),
        (httpx.ConnectError, Unreachable),
        (httpx.ReadError, Unreachable),
    ],
)
async def test_failures_of_the_network_are_told_by_their_kind(
    error: type[httpx.TransportError], kind: type[RemoteTrouble]
) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise error("scripted")

    with pytest.raises(kind):
        await HttpInference(REMOTE, httpx.MockTransport(answer)).infer([1], [1], ["latent"], 1.0)
