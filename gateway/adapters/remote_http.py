"""One exchange with a server that scores requests, over HTTP: the whole answer, or what went wrong."""

from typing import Final

import httpx
import msgspec

from gateway.adapters.remote_trouble import BadAnswer, Overloaded, Refused, RemoteTrouble, TooLate, Unreachable
from gateway.ports import UpstreamTransport

MAX_ANSWER_BYTES: Final = 64 * 1024
"""The longest is some 8 KiB, an encoder's in JSON, most of it the embedding."""
_MAX_SAID_CHARS: Final = 200
_FULL: Final = {429, 503}
_LATE: Final = {408, 504}
_NOT_IMPLEMENTED: Final = 501


class _Told(msgspec.Struct):
    message: str = ""


class _Said(msgspec.Struct):
    error: str | _Told = ""


_said = msgspec.json.Decoder(_Said)


async def exchange(transport: UpstreamTransport, request: httpx.Request) -> tuple[int, httpx.Headers, bytes]:
    """Send a request and read the answer. Raises RemoteTrouble; whoever calls limits how long it waits."""
    try:
        response = await transport.handle_async_request(request)
        return response.status_code, response.headers, await _read(response)
    except httpx.PoolTimeout as error:
        raise Overloaded("every connection to it is in use") from error
    except httpx.TimeoutException as error:
        raise Unreachable(f"no connection in time: {error}") from error
    except httpx.TransportError as error:
        raise Unreachable(f"{type(error).__name__}: {error}") from error


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


def raise_for(status: int, body: bytes) -> None:
    """Raise what a status stands for, unless it is 200."""
    if status == 200:
        return
    text = f"HTTP {status}{_quoted(body)}"
    kind: type[RemoteTrouble] = BadAnswer
    if status in _FULL:
        kind = Overloaded
    elif status in _LATE:
        kind = TooLate
    elif 400 <= status < 500 or status == _NOT_IMPLEMENTED:
        kind = Refused
    raise kind(text)


def _quoted(body: bytes) -> str:
    try:
        told = _said.decode(body).error
    except msgspec.DecodeError:
        return ""
    said = told if isinstance(told, str) else told.message
    plain = " ".join("".join(char if char.isprintable() else " " for char in said).split())
    return f", {plain[:_MAX_SAID_CHARS]!r}" if plain else ""
