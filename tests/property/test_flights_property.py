"""Whoever asks the same, leaves or is cut off in any order: nobody is given less than an answer, or one too old."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.errors import ErrorCode
from gateway.domain.ids import TenantId
from gateway.domain.purge import Selection
from tests.support.behaviours import JSON, SSE
from tests.support.crowds import Crowd, idle
from tests.support.fake_inbound import FakeClient
from tests.support.gateways import CHAT, STREAM, TWO_TIERS, Gateway, answer_of, events_of, text_of
from tests.support.openai_bodies import Words, chat_answer, chat_events
from tests.support.scripts import End, Hold, Reply, Script, SeenRequest, Send, Step

PATIENT = TWO_TIERS.replace("ttft: 100ms, stall: 100ms, answer: 100ms", "ttft: 1m")
USAGE = {**STREAM, "stream_options": {"include_usage": True}}
BODIES = {"whole": CHAT, "stream": STREAM, "stream with usage": USAGE}
PIECES_MAX = 8
"""Events of a stream: role, five words, end, usage or not, [DONE]."""


@dataclass(frozen=True, slots=True)
class Come:
    """A client asks."""

    body: str


@dataclass(frozen=True, slots=True)
class Leave:
    """A client that came leaves; the number is taken modulo those there are."""

    client: int


@dataclass(frozen=True, slots=True)
class GoOn:
    """A call goes on by so many pieces of its answer; the number is taken modulo the calls there are."""

    call: int
    pieces: int


class Purge:
    """All that is kept of the tenant is purged."""


numbers = st.integers(0, 7)
comings = st.builds(Come, st.sampled_from(sorted(BODIES)))
moves = st.one_of(
    comings,
    comings,
    st.builds(GoOn, numbers, st.integers(1, PIECES_MAX)),
    st.builds(Leave, numbers),
    st.just(Purge()),
)
cuts = st.lists(st.none() | st.integers(0, PIECES_MAX), max_size=6)
"""After how many pieces the answer to each call is broken off; those behind the list, and None, are whole."""


class LedServer:
    """A model server whose answers tell which call they came of, and go on as they are led."""

    def __init__(self, cut_after: list[int | None]) -> None:
        self.purges = 0
        self.begun_after: list[int] = []
        """Of each call, how often was purged before."""
        self.cut: set[int] = set()
        """Calls whose answer broke off before its end was told."""
        self.without_usage: set[int] = set()
        """Calls that told the end of their answer, and broke off before its usage: whole all the same. Who reads one is
        told none, and who is given it later an estimate."""
        self._cut_after = cut_after
        self._gates: list[list[asyncio.Event]] = []

    def __call__(self, request: SeenRequest) -> Script:
        call = len(self._gates)
        said = Words(model=request.model, pieces=("Answer", " of", " call", " number", f" {call}."))
        streams = bool(request.json.get("stream"))
        pieces = chat_events(said, usage=True, done=True) if streams else [chat_answer(said)]
        steps: list[Step] = [Send(piece) for piece in pieces]
        cut_after = self._cut_after[call] if call < len(self._cut_after) else None
        if cut_after is not None and cut_after < len(steps):
            is_told = any(b'"finish_reason":"stop"' in piece for piece in pieces[:cut_after])
            is_counted = any(b'"usage":{' in piece for piece in pieces[:cut_after])
            steps[cut_after:] = [End.RESET]
            if not is_told:
                self.cut.add(call)
            elif not is_counted:
                self.without_usage.add(call)
        gates = [asyncio.Event() for _ in range(len(steps) + 1)]
        self._gates.append(gates)
        self.begun_after.append(self.purges)
        held = [each for gate, step in zip(gates, steps, strict=False) for each in (Hold(gate), step)]
        return Reply(200, SSE if streams else JSON, body=(*held, Hold(gates[-1])), chunked=True)

    async def go_on(self, call: int, pieces: int) -> None:
        if self._gates:
            gates = self._gates[call % len(self._gates)]
            for gate in [gate for gate in gates if not gate.is_set()][:pieces]:
                gate.set()
            await idle()

    async def finish(self) -> None:
        """Let every call go on to its end, those also that begin meanwhile."""
        done = -1
        while done < len(self._gates):
            done = len(self._gates)
            for call in range(done):
                await self.go_on(call, len(self._gates[call]))


@dataclass(slots=True)
class Played:
    """What was played: each client with its body and how often was purged before it came; who left."""

    crowd: Crowd
    server: LedServer
    clients: list[tuple[FakeClient, str, int]] = field(default_factory=list)
    left: set[int] = field(default_factory=set)


async def play(moves_made: list[object], cut_after: list[int | None]) -> Played:
    server = LedServer(cut_after)
    gateway = Gateway(PATIENT)
    gateway.network.plan.general = server
    played = Played(Crowd(gateway), server)
    for move in moves_made:
        match move:
            case Come(body):
                client = await played.crowd.come(BODIES[body])
                played.clients.append((client, body, server.purges))
            case Leave(number) if played.clients:
                at = number % len(played.clients)
                played.clients[at][0].leave()
                played.left.add(at)
                await idle()
            case GoOn(call, pieces):
                await server.go_on(call, pieces)
            case Purge():
                server.purges += 1
                await gateway.world.cache.purge(Selection(TenantId("open")))
            case _:
                pass
    await server.finish()
    await played.crowd.over()
    return played


def call_told(client: FakeClient, body: str, server: LedServer) -> int | None:
    """Return the call that a whole answer came of; None for an answer that is a told failure, of its own or in band."""
    shows_usage = False
    if client.responder.status != 200:
        assert answer_of(client)["error"]["code"] in {code.value for code in ErrorCode}
        return None
    if body == "whole":
        text: Any = answer_of(client)["choices"][0]["message"]["content"]
    else:
        events = events_of(client)
        if any(b'"error"' in event for event in events):
            return None
        assert events[-1] == b"[DONE]"
        shows_usage = any(b'"usage":{' in event for event in events)
        text = text_of(client)
    words, _, number = str(text).rpartition(" ")
    assert words == "Answer of call number"
    call = int(number.removesuffix("."))
    if call not in server.without_usage:
        assert shows_usage == (body == "stream with usage")
    return call


@settings(max_examples=150, deadline=None)
@given(st.lists(moves, min_size=2, max_size=14), cuts)
def test_whoever_stays_is_given_a_whole_answer_that_is_new_enough_or_told_what_failed(
    moves_made: list[object], cut_after: list[int | None]
) -> None:
    played = asyncio.run(play(moves_made, cut_after))
    for at, (client, body, purges) in enumerate(played.clients):
        if at in played.left:
            continue
        call = call_told(client, body, played.server)
        if call is None:
            assert played.server.cut, "nothing failed, and somebody was told so"
        else:
            assert call not in played.server.cut
            assert played.server.begun_after[call] >= purges, "an answer was purged before it was asked for"


@settings(max_examples=30, deadline=None)
@given(st.lists(st.one_of(comings, st.builds(GoOn, st.just(0), st.integers(1, PIECES_MAX))), min_size=2, max_size=14))
def test_while_nobody_leaves_and_nothing_fails_there_is_one_call(moves_made: list[object]) -> None:
    played = asyncio.run(play([Come("stream"), *moves_made], []))
    assert len(played.crowd.gateway.network.requests) == 1
    assert {call_told(client, body, played.server) for client, body, _ in played.clients} == {0}
