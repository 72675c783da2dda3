"""Several clients of one gateway at once, and a model server that is led through its stream step by step."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from gateway.domain.request import Operation
from tests.support.behaviours import SSE
from tests.support.fake_inbound import FakeClient
from tests.support.gateways import Gateway
from tests.support.openai_bodies import Words, chat_events
from tests.support.scripts import End, Hold, Reply, Script, SeenRequest, Send, Step

_BEGUN = 2
"""Events of a stream up to its first word."""


@dataclass(slots=True)
class Crowd:
    """Requests under way. `come` sends one, and lets it go as far as it can by itself."""

    gateway: Gateway
    tasks: dict[FakeClient, "asyncio.Task[None]"] = field(default_factory=dict)

    async def come(self, body: dict[str, Any], **how: Any) -> FakeClient:
        """Send a request, and return its client once nothing moves."""
        client = self.gateway.client(body, **how)
        pipeline = self.gateway.pipeline
        self.tasks[client] = asyncio.create_task(pipeline(Operation.CHAT, client.inbound, client.responder))
        await idle()
        return client

    async def over(self, *clients: FakeClient) -> None:
        """Wait for the end of these, or of all."""
        await asyncio.gather(*[self.tasks[client] for client in clients or self.tasks])
        if not clients:
            assert self.gateway.world.admission.in_flight == 0, "a request was counted in and not out"
            assert self.gateway.world.flights.following == 0, "a follower was counted in and not out"
            assert not self.gateway.faults, self.gateway.faults


async def idle(turns: int = 50) -> None:
    """Let everything happen that does not wait for time."""
    for _ in range(turns):
        await asyncio.sleep(0)


class LedStream:
    """A model server's answers as streams that go on when the test says so; each call has its own.

    With `then`, that follows where the second word would.
    """

    def __init__(
        self,
        said: Words | None = None,
        *,
        usage: bool = True,
        done: bool = True,
        then: bytes | End | None = None,
    ) -> None:
        events: tuple[Step, ...] = tuple(Send(event) for event in chat_events(said or Words(), usage=usage, done=done))
        last: Step | None = Send(then) if isinstance(then, bytes) else then
        self._steps = events if last is None else (*events[:_BEGUN], last)
        self._gates: list[list[asyncio.Event]] = []

    async def go_on(self, call: int = 0, events: int = 1) -> None:
        """Let the next events of a call go out, or its end."""
        for gate in [gate for gate in self._gates[call] if not gate.is_set()][:events]:
            gate.set()
        await idle()

    async def finish(self, call: int = 0) -> None:
        """Let a call go on to its end."""
        await self.go_on(call, events=len(self._gates[call]))

    def behave(self, request: SeenRequest) -> Script:
        """Answer so."""
        gates = [asyncio.Event() for _ in range(len(self._steps) + 1)]
        self._gates.append(gates)
        held = [each for gate, step in zip(gates, self._steps, strict=False) for each in (Hold(gate), step)]
        return Reply(200, SSE, body=(*held, Hold(gates[-1])), chunked=True)
