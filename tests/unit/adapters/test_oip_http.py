"""The v2 protocol over HTTP: how answers may be written, and what is not taken for one."""

import json

import httpx
import pytest

from gateway.adapters.oip_http import HttpInference, read_answer
from gateway.adapters.remote_trouble import BadAnswer, Overloaded, RemoteTrouble, Unreachable
from gateway.domain.remote_model import RemoteModel
from gateway.domain.tier import Secret
from tests.support.inference_servers import OURS

LATENT = {"name": "latent", "datatype": "FP32", "shape": [1, 2], "data": [1.5, -2]}
REMOTE = RemoteModel("https://scorer.example/triton", "http", "my model", "1/2", Secret("k"))


def body(**changes: object) -> bytes:
    return json.dumps({"model_name": "m", "outputs": [{"name": "other", **LATENT, **changes}]}).encode()


def both() -> bytes:
    embedding = {"name": "embedding", "datatype": "FP32", "shape": [1, 1], "data": [0.5]}
    return json.dumps({"model_name": "m", "outputs": [LATENT, embedding]}).encode()


def binary(size_bytes: int, content: bytes, shape: tuple[int, ...] = (1, 2)) -> tuple[bytes, str]:
    """Return an answer whose numbers stand behind its JSON, and how long the JSON is."""
    told = {"name": "latent", "datatype": "FP32", "shape": shape, "parameters": {"binary_data_size": size_bytes}}
    head = json.dumps({"outputs": [told]}).encode()
    return head + content, str(len(head))


def test_numbers_are_read_behind_the_json() -> None:
    answer, json_bytes = binary(8, b"\0\0\xc0\x3f\0\0\0\xc0")
    assert read_answer(answer, ["latent"], json_bytes)["latent"].tolist() == [1.5, -2.0]


@pytest.mark.parametrize(("size_bytes", "content"), [(8, b"\0" * 7), (7, b"\0" * 8), (12, b"\0" * 12), (-4, b"\0" * 8)])
def test_numbers_behind_the_json_that_are_not_what_it_says_are_found_out(size_bytes: int, content: bytes) -> None:
    answer, json_bytes = binary(size_bytes, content)
    for told in (json_bytes, "none", "-1", "5"):
        with pytest.raises(BadAnswer):
            read_answer(answer, ["latent"], told)


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
        answer = both() if request.method == "POST" else b"{}"
        return httpx.Response(200, stream=httpx.ByteStream(answer))

    server = HttpInference(REMOTE, httpx.MockTransport(answer))
    assert (await server.infer([1], [1], OURS, 1.0))["latent"].tolist() == [1.5, -2.0]
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


@pytest.mark.parametrize("said", [b"<html>", b"{}", b'{"extensions": ["statistics"]}'])
async def test_a_server_that_names_no_binary_extension_is_asked_for_json(said: bytes) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=httpx.ByteStream(b"{}" if "models" in request.url.path else said))

    served = await HttpInference(REMOTE, httpx.MockTransport(answer)).served_model()
    assert not served.is_binary


async def test_a_description_that_is_none_is_a_bad_answer() -> None:
    transport = httpx.MockTransport(lambda request: httpx.Response(200, stream=httpx.ByteStream(b"<html>")))
    with pytest.raises(BadAnswer):
        await HttpInference(REMOTE, transport).served_model()


@pytest.mark.parametrize("body", [b"<html>", b'{"error": ""}', b""])
async def test_an_error_without_words_is_told_by_its_status(body: bytes) -> None:
    transport = httpx.MockTransport(lambda request: httpx.Response(500, stream=httpx.ByteStream(body)))
    with pytest.raises(BadAnswer, match=r"^HTTP 500$"):
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
        await HttpInference(REMOTE, httpx.MockTransport(answer)).infer([1], [1], OURS, 1.0)
