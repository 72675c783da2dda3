"""The Open Inference Protocol v2 over HTTP, in JSON.

The binary tensor extension is left out: with one text of 128 tokens to a request and only `latent` asked for, writing
and reading JSON takes 9 µs here, and a server's answer came no sooner in binary.
"""

from collections.abc import Sequence
from typing import Final
from urllib.parse import quote

import httpx
import msgspec
import numpy as np

from gateway.adapters.encoder_model import Floats
from gateway.adapters.oip_model import (
    ATTENTION_MASK,
    INPUT_IDS,
    INPUT_TYPE,
    BadAnswer,
    Overloaded,
    Refused,
    RemoteTrouble,
    Rows,
    ServedModel,
    Tensor,
    TooLate,
    Unreachable,
    row_of,
    rows_of,
)
from gateway.domain.remote_model import RemoteModel
from gateway.ports import UpstreamTransport, ready_request

MAX_ANSWER_BYTES: Final = 64 * 1024
"""An answer is some 8 KiB in JSON, most of it the embedding; a description of a model is less."""
_MAX_SAID_CHARS: Final = 200
_FULL: Final = {429, 503}
_LATE: Final = {408, 504}


class _InputTensor(msgspec.Struct):
    name: str
    shape: tuple[int, int]
    datatype: str
    data: Sequence[int]


class _NamedOutput(msgspec.Struct):
    name: str


class _Question(msgspec.Struct):
    inputs: tuple[_InputTensor, ...]
    outputs: tuple[_NamedOutput, ...]


class _OutputTensor(msgspec.Struct):
    name: str
    shape: list[int]
    datatype: str
    data: list[float | list[float]]


class _Answer(msgspec.Struct):
    outputs: list[_OutputTensor]


class _Described(msgspec.Struct):
    name: str
    datatype: str
    shape: list[int]


class _Description(msgspec.Struct):
    inputs: list[_Described] = []
    outputs: list[_Described] = []


class _Said(msgspec.Struct):
    error: str = ""


_encode = msgspec.json.Encoder().encode
_answer = msgspec.json.Decoder(_Answer)
_description = msgspec.json.Decoder(_Description)
_said = msgspec.json.Decoder(_Said)


class HttpInference:
    """`InferenceServer` over a transport of ours, which belongs to whoever made it."""

    def __init__(self, remote: RemoteModel, transport: UpstreamTransport) -> None:
        self._transport = transport
        version = "" if remote.version is None else f"/versions/{quote(remote.version, safe='')}"
        model_url = f"{remote.base_url}/v2/models/{quote(remote.model, safe='')}{version}"
        self._model_url = httpx.URL(model_url)
        self._infer_url = httpx.URL(f"{model_url}/infer")
        self._ready_url = httpx.URL(f"{remote.base_url}/v2/health/ready")
        self._loaded_url = httpx.URL(f"{model_url}/ready")
        headers = [(b"accept", b"application/json"), (b"accept-encoding", b"identity")]
        if remote.api_key is not None:
            headers.append((b"authorization", b"Bearer " + remote.api_key.reveal().encode()))
        self._headers = tuple(headers)
        self._json_headers = (*headers, (b"content-type", b"application/json"))

    async def is_ready(self) -> bool:
        """Ask for the server's health."""
        return await self._says_yes(self._ready_url)

    async def is_loaded(self) -> bool:
        """Ask for the model's health."""
        return await self._says_yes(self._loaded_url)

    async def served_model(self) -> ServedModel:
        """Return what the server says of the model."""
        status, body = await self._exchange(self._get(self._model_url))
        _raise_for(status, body)
        try:
            told = _description.decode(body)
        except msgspec.DecodeError as error:
            raise BadAnswer(f"its description of the model cannot be read: {error}") from error
        inputs, outputs = (
            tuple(Tensor(each.name, each.datatype, tuple(each.shape)) for each in described)
            for described in (told.inputs, told.outputs)
        )
        return ServedModel(inputs, outputs)

    async def infer(self, ids: Sequence[int], mask: Sequence[int], wanted: Sequence[str], timeout_s: float) -> Rows:
        """Return the `wanted` outputs for one text. HTTP has no way to tell the server the time."""
        shape = (1, len(ids))
        tensors = _InputTensor(INPUT_IDS, shape, INPUT_TYPE, ids), _InputTensor(ATTENTION_MASK, shape, INPUT_TYPE, mask)
        question = _encode(_Question(tensors, tuple(map(_NamedOutput, wanted))))
        status, body = await self._exchange(ready_request(self._infer_url, self._json_headers, question))
        _raise_for(status, body)
        return read_answer(body, wanted)

    async def aclose(self) -> None:
        """Nothing to let go of: the transport belongs to others."""

    async def _says_yes(self, url: httpx.URL) -> bool:
        status, body = await self._exchange(self._get(url))
        return status == 200 and b'"ready":false' not in body.replace(b" ", b"")

    def _get(self, url: httpx.URL) -> httpx.Request:
        headers = ((b"host", url.netloc), *self._headers)
        return httpx.Request("GET", url, headers=headers, stream=httpx.ByteStream(b""))

    async def _exchange(self, request: httpx.Request) -> tuple[int, bytes]:
        try:
            response = await self._transport.handle_async_request(request)
            return response.status_code, await _read(response)
        except httpx.PoolTimeout as error:
            raise Overloaded("every connection to it is in use") from error
        except httpx.TimeoutException as error:
            raise Unreachable(f"no connection in time: {error}") from error
        except httpx.TransportError as error:
            raise Unreachable(f"{type(error).__name__}: {error}") from error


def read_answer(body: bytes, wanted: Sequence[str]) -> Rows:
    """Return the outputs of an answer, whether written flat or nested. Raises BadAnswer."""
    try:
        outputs = _answer.decode(body).outputs
        found = {each.name: row_of(each.name, each.datatype, each.shape, _flat(each.data)) for each in outputs}
    except (msgspec.DecodeError, ValueError) as error:
        raise BadAnswer(f"its answer cannot be read: {error}") from error
    return rows_of(found, wanted)


def _flat(data: list[float | list[float]]) -> Floats:
    """Return the numbers in one row. Raises ValueError for a list that is nested unevenly."""
    return np.array(data, dtype=np.float32).reshape(-1)


async def _read(response: httpx.Response) -> bytes:
    assert isinstance(response.stream, httpx.AsyncByteStream)
    parts: list[bytes] = []
    size_bytes = 0
    try:
        async for part in response.stream:
            size_bytes += len(part)
            if size_bytes > MAX_ANSWER_BYTES:
                raise BadAnswer(f"its answer is longer than {MAX_ANSWER_BYTES // 1024} KiB")
            parts.append(part)
    finally:
        await response.stream.aclose()
    return b"".join(parts)


def _raise_for(status: int, body: bytes) -> None:
    """Raise what a status stands for, unless it is 200."""
    if status == 200:
        return
    text = f"HTTP {status}{_quoted(body)}"
    kind: type[RemoteTrouble] = BadAnswer
    if status in _FULL:
        kind = Overloaded
    elif status in _LATE:
        kind = TooLate
    elif 400 <= status < 500:
        kind = Refused
    raise kind(text)


def _quoted(body: bytes) -> str:
    try:
        said = _said.decode(body).error
    except msgspec.DecodeError:
        return ""
    plain = " ".join("".join(char if char.isprintable() else " " for char in said).split())
    return f", {plain[:_MAX_SAID_CHARS]!r}" if plain else ""
