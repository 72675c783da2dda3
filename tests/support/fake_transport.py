"""The network in memory: a transport that plays scripts, for tests of whatever calls upstream."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx

from tests.support.behaviours import by_model_name
from tests.support.scripts import Behaviour, End, Hold, Pause, Plan, Reply, SeenRequest, Send, Step, Unreachable

Sleep = Callable[[float], Awaitable[object]]


class FakeTransport(httpx.AsyncBaseTransport):
    """Answers as `plan` says and keeps what it was asked in `requests`.

    `sleep` performs the pauses of a script; give a virtual clock's to make them instant.
    """

    def __init__(self, general: Behaviour = by_model_name, *, sleep: Sleep = asyncio.sleep) -> None:
        self.plan = Plan(general)
        self.requests: list[SeenRequest] = []
        self.is_closed = False
        self._sleep = sleep

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Play the request's script up to the head of its answer; the stream plays the rest."""
        assert isinstance(request.stream, httpx.AsyncByteStream)
        seen = SeenRequest(
            number=len(self.requests),
            connection=0,
            method=request.method,
            path=request.url.raw_path.decode("ascii"),
            headers=tuple((name.lower(), value) for name, value in request.headers.raw),
            body=b"".join([part async for part in request.stream]),
            received_at_s=_now_s(),
        )
        self.requests.append(seen)
        script = self.plan.script_for(seen)
        if isinstance(script, Unreachable):
            seen.finished.set()
            raise script.error("scripted: no connection", request=request)
        assert script.raw_head is None, "only the fault server can send bytes as they stand"
        answered = False
        try:
            for step in script.before:
                await perform(step, seen, self._sleep)
            answered = True
        except httpx.TransportError as error:
            error.request = request
            raise
        finally:
            if not answered:
                seen.lost(_now_s())
        body = _FakeBody(script, seen, self._sleep)
        return httpx.Response(script.status, headers=_headers(script), stream=body, request=request)

    async def aclose(self) -> None:
        """Remember that it was closed."""
        self.is_closed = True


class _FakeBody(httpx.AsyncByteStream):
    def __init__(self, script: Reply, seen: SeenRequest, sleep: Sleep) -> None:
        self._script = script
        self._seen = seen
        self._sleep = sleep

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for step in self._script.body:
            if isinstance(step, Send):
                if step.data:
                    self._seen.sent_bytes += len(step.data)
                    yield step.data
            else:
                await perform(step, self._seen, self._sleep)
        self._seen.finished.set()

    async def aclose(self) -> None:
        """Close; before the end, the model server sees its caller leave."""
        self._seen.lost(_now_s())


async def perform(step: Step, seen: SeenRequest, sleep: Sleep) -> None:
    """Do what a step other than Send says; breaking off raises what a real transport raises."""
    match step:
        case Pause(seconds):
            await sleep(seconds)
        case Hold(until):
            await until.wait()
        case End.STALL:
            await seen.gone.wait()
            raise httpx.ReadError("the answer was closed before its end")
        case End.RESET:
            seen.finished.set()
            raise httpx.ReadError("scripted: connection reset")
        case End.CLOSE:
            seen.finished.set()
            raise httpx.RemoteProtocolError("scripted: connection closed")
        case Send():
            raise AssertionError("a body cannot come before its head")


def _headers(script: Reply) -> list[tuple[bytes, bytes]]:
    framing = (b"transfer-encoding", b"chunked") if script.chunked else (b"content-length", b"%d" % script.length_bytes)
    return [*script.headers, framing]


def _now_s() -> float:
    return asyncio.get_running_loop().time()
