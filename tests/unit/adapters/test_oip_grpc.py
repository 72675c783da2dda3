"""The v2 protocol over gRPC: what servers may write in two ways, TLS, and addresses."""

import asyncio

import pytest

from gateway.adapters.oip_grpc import GrpcInference, read_answer
from gateway.adapters.oip_messages import MESSAGES
from gateway.adapters.remote_trouble import BadAnswer, Unreachable
from gateway.domain.remote_model import RemoteModel
from tests.support.inference_servers import OURS
from tests.support.networks import free_port

LATENT = {"name": "latent", "datatype": "FP32", "shape": [1, 2]}
OTHER = {"name": "embedding", "datatype": "FP32", "shape": [1, 1]}
WANTED = ["latent"]


def test_numbers_are_read_typed_and_raw_wherever_the_output_stands() -> None:
    response = MESSAGES["ModelInferResponse"]
    typed = response(
        outputs=[
            {**OTHER, "contents": {"fp32_contents": [9.0]}},
            {**LATENT, "contents": {"fp32_contents": [1.5, -2.0]}},
        ]
    )
    assert read_answer(typed, WANTED)["latent"].tolist() == [1.5, -2.0]
    raw = response(outputs=[OTHER, LATENT], raw_output_contents=[b"\0" * 4, b"\0\0\xc0\x3f\0\0\0\xc0"])
    assert read_answer(raw, WANTED)["latent"].tolist() == [1.5, -2.0]


@pytest.mark.parametrize("raw", [[], [b"\0" * 7], [b"\0" * 12], [b""], [b"\0" * 8] * 2])
def test_raw_numbers_that_are_not_what_the_shape_says_are_found_out(raw: list[bytes]) -> None:
    with pytest.raises(BadAnswer):
        read_answer(MESSAGES["ModelInferResponse"](outputs=[LATENT], raw_output_contents=raw), WANTED)


@pytest.mark.parametrize("base_url", ["https://127.0.0.1:{port}", "http://[::1]:{port}", "http://127.0.0.1:{port}"])
async def test_a_server_that_is_not_there_is_unreachable_with_and_without_tls(base_url: str) -> None:
    server = GrpcInference(RemoteModel(base_url.format(port=free_port()), "grpc", "m"))
    with pytest.raises(Unreachable):
        await server.infer([1], [1], OURS, 10.0)
    await server.aclose()


async def test_a_server_that_speaks_only_http_is_unreachable() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
        writer.close()
        await writer.wait_closed()

    listener = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    server = GrpcInference(RemoteModel(f"http://127.0.0.1:{port}", "grpc", "m"))
    with pytest.raises(Unreachable):
        await server.infer([1], [1], OURS, 10.0)
    await server.aclose()
    listener.close()
    await listener.wait_closed()
