"""The simulated model servers, behind the transport seam: each a state machine on virtual time.

A call waits for one of the server's slots, has its prompt read, and is written token by token whether or not anybody
reads; what is there is read at once. A caller that leaves frees the slot, after the server's reaction. No task runs for
a call: the times of its pieces are known when it begins, and only a crash changes them.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping
from random import Random
from typing import Any, Final, Self

import httpx
import msgspec

from gateway.ports import StaleConnection
from tests.sim.answers import Usage, whole
from tests.sim.call import Call
from tests.sim.case import OF_WHOLE_ANSWERS, Ailment, CallFault, Case, Mishap, Server
from tests.sim.history import History
from tests.sim.pace import FOREVER_S
from tests.sim.run import REQUEST_PREFIX
from tests.sim.script import Question, Script, refusal, script_for
from tests.sim.server import Noted, SimServer, Slot

_JSON: Final = [(b"content-type", b"application/json")]
_OURS: Final = Question(-1, 0, "", stream=False, wants_usage=False, tokens=1, prompt_tokens=1)
_REFUSED_IN_S: Final = 0.001
_RESTART_S: Final = 5.0
_EARLY: Final = (Mishap.RESET_BEFORE_HEAD, Mishap.CLOSED_BEFORE_HEAD, Mishap.KILLS)


class SimNetwork(httpx.AsyncBaseTransport):
    """All model servers of a case, as the transport that reaches them. `calls` holds every call made."""

    def __init__(self, case: Case, history: History, noted: Noted) -> None:
        zero_s = asyncio.get_running_loop().time()
        self.calls: list[Call] = []
        self.servers = {
            server.host: SimServer(server, [one for one in case.ailments if one.host == server.host], zero_s, noted)
            for server in case.servers
        }
        self._faults: Mapping[tuple[int, int], CallFault] = {(one.ask, one.attempt): one for one in case.calls}
        self._tokens = {ask.number: ask.tokens for ask in case.asks}
        self._counts: Counter[int] = Counter()
        self._seed = case.seed
        self._history = history
        self._noted = noted

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer as the server would; failures are httpx's."""
        server = self.servers[request.url.host]
        if not request.headers["x-request-id"].startswith(REQUEST_PREFIX):
            return await self._answer_the_gateway(server, request)
        assert isinstance(request.stream, httpx.ByteStream)
        number = int(request.headers["x-request-id"].rpartition("_")[2])
        question, prompt = self._read(number, b"".join(list(request.stream)))
        call = Call(server.server.host, question, asyncio.get_running_loop().time())
        self.calls.append(call)
        fault = self._faults.get((question.ask, question.call))
        who = f"call {question.ask}.{question.call}"
        self._history.note(who, f"to {call.host} for {question.model}")
        slot: Slot | None = None
        try:
            await self._connect(server, call, fault, request.extensions)
            script = self._turned_away(server)
            if script is None:
                slot = await server.take_slot(call)
                script = await self._work(server, call, fault, prompt, slot)
            else:
                call.begin(script, server.pace, call.began_s)
        except BaseException as error:
            call.end()
            if slot is not None:
                slot.caller_left()
            self._history.note(who, f"no head: {type(error).__name__}")
            raise
        self._history.note(who, f"head {script.status}")
        body = _Body(call, slot, server.server.read_bytes, self._history)
        return httpx.Response(script.status, headers=list(script.headers), stream=body, request=request)

    async def _answer_the_gateway(self, server: SimServer, request: httpx.Request) -> httpx.Response:
        """Answer what the gateway asks for itself: a list of models, or one token to see whether the server is well."""
        loop = asyncio.get_running_loop()
        call = Call(server.server.host, _OURS, loop.time())
        self._history.note("gateway", f"looks at {call.host}")
        await self._connect(server, call, None, request.extensions)
        await call.wait_until(server.pace.done_at_s(loop.time(), server.server.base_s))
        if server.is_down():
            raise httpx.ReadError("simulated: connection reset by peer")
        return httpx.Response(200, headers=_JSON, stream=httpx.ByteStream(whole(-1, 0, 1, "", Usage(1, 1))))

    def _read(self, number: int, body: bytes) -> tuple[Question, str]:
        told = msgspec.json.decode(body)
        prompt: str = next(said["content"] for said in reversed(told["messages"]) if said["role"] == "user")
        call, self._counts[number] = self._counts[number], self._counts[number] + 1
        wants_usage = bool((told.get("stream_options") or {}).get("include_usage"))
        stream, tokens = bool(told.get("stream")), self._tokens[number]
        return Question(number, call, told["model"], stream, wants_usage, tokens, len(prompt.split())), prompt

    async def _connect(
        self, server: SimServer, call: Call, fault: CallFault | None, extensions: Mapping[str, Any]
    ) -> None:
        now_s, kind = call.began_s, None if fault is None else fault.kind
        if kind is Mishap.POOL_FULL:
            self._noted(kind, "connect")
            raise httpx.PoolTimeout("simulated: no free connection")
        if kind is Mishap.CONNECT_TIMEOUT or server.ailment(Ailment.HOLE) is not None:
            self._noted(kind if kind is Mishap.CONNECT_TIMEOUT else Ailment.HOLE, "connect")
            await call.wait_until(now_s + extensions["timeout"]["connect"])
            raise httpx.ConnectTimeout("simulated: no answer to the connect")
        if kind is Mishap.REFUSED or server.is_down():
            self._noted(kind if kind is Mishap.REFUSED else Ailment.DOWN, "connect")
            await call.wait_until(now_s + _REFUSED_IN_S)
            raise httpx.ConnectError("simulated: connection refused")
        if kind is Mishap.STALE and not extensions.get("fresh_connection"):
            self._noted(kind, "before_head")
            await call.wait_until(now_s + _REFUSED_IN_S)
            raise StaleConnection("simulated: connection reset by peer")

    def _turned_away(self, server: SimServer) -> Script | None:
        busy = server.ailment(Ailment.BUSY)
        if busy is None:
            return None
        self._noted(Ailment.BUSY, "before_head")
        return refusal(busy.status, busy.retry_after)

    async def _work(self, server: SimServer, call: Call, fault: CallFault | None, prompt: str, slot: Slot) -> Script:
        question, kind = call.question, None if fault is None else fault.kind
        work_s = server.reading_work_s(prompt, question.prompt_tokens) + self._stall_s(server.server, question)
        paced = server.ailment(Ailment.SLOW, Ailment.FROZEN)
        if paced is not None:
            self._noted(paced.kind, "before_head")
        if kind in _EARLY:
            self._noted(kind, "before_head")
            await self._fail_early(server, call, kind, work_s)
        script = script_for(server.server, question, fault, self._gaps_s(server.server, question))
        if fault is not None and (not question.stream or fault.kind not in OF_WHOLE_ANSWERS):
            self._noted(fault.kind, _phase(fault, script, question))
        loop = asyncio.get_running_loop()
        read_s = server.pace.done_at_s(loop.time(), work_s + script.head_work_s)
        if script.never_begins:
            await call.wait_until(FOREVER_S)
        if not (server.server.early_head and question.stream):
            await call.wait_until(read_s)
        call.begin(script, server.pace, read_s)
        slot.free_at(call.written_s)
        return script

    async def _fail_early(self, server: SimServer, call: Call, kind: Mishap, work_s: float) -> None:
        await call.wait_until(server.pace.done_at_s(asyncio.get_running_loop().time(), work_s))
        if kind is Mishap.KILLS:
            server.crash(_RESTART_S)
        if kind is Mishap.CLOSED_BEFORE_HEAD:
            raise httpx.RemoteProtocolError("simulated: server disconnected without sending a response")
        raise httpx.ReadError("simulated: connection reset by peer")

    def _stall_s(self, server: Server, question: Question) -> float:
        if not server.stalling:
            return 0.0
        draws = Random(f"stall {self._seed}.{question.ask}.{question.call}")
        return server.stall_s if draws.random() < server.stalling else 0.0

    def _gaps_s(self, server: Server, question: Question) -> list[float]:
        count = question.tokens + 1
        if not server.jitter:
            return [server.gap_s] * count
        draws = Random(f"{self._seed}.{question.ask}.{question.call}")
        return [server.gap_s * (1 + server.jitter * draws.random()) for _ in range(count)]


def _phase(fault: CallFault, script: Script, question: Question) -> str:
    """Name the phase of an answer that a mishap meets."""
    if fault.kind in (Mishap.STATUS, Mishap.CONTEXT_LENGTH, Mishap.SILENT, Mishap.ERROR_IN_200):
        return "before_head"
    if fault.kind in (Mishap.NO_DONE, Mishap.DONE_TWICE, Mishap.LATE_END, Mishap.NO_USAGE, Mishap.ABSURD_USAGE):
        return "at_the_end"
    if not question.stream:
        return "within_a_whole_answer"
    has_content = any(piece.event.is_content for piece in script.pieces)
    if not has_content:
        return "before_content"
    return "within_content" if fault.at < question.tokens else "behind_content"


class _Body(httpx.AsyncByteStream):
    """The bytes of an answer, as they arrive."""

    def __init__(self, call: Call, slot: Slot | None, at_most_bytes: int, history: History) -> None:
        self._call = call
        self._slot = slot
        self._at_most_bytes = at_most_bytes
        self._history = history

    def __aiter__(self) -> Self:
        # No async generator: one that is left half-read would be closed whenever the garbage collector comes to it.
        return self

    async def __anext__(self) -> bytes:
        """Return what is there, and wait where nothing is."""
        call = self._call
        try:
            data = await call.take(self._at_most_bytes)
        except httpx.TransportError:
            call.end()
            raise
        if not data:
            raise StopAsyncIteration
        return data

    async def aclose(self) -> None:
        """Close; before the end, the server sees its caller leave."""
        call = self._call
        if call.is_open:
            self._history.note(f"call {call.question.ask}.{call.question.call}", "is left")
        call.end()
        if self._slot is not None:
            self._slot.caller_left()
