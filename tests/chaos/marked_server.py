"""A model server whose every token says which request and which attempt it belongs to, and that writes down its work.

What it is to say stands in the prompt, `chaos REQUEST tokens=N first_ms=MS gap_ms=MS`; token i of the answer is
` REQUEST.SERVER.SERIAL.i`, where the serial counts what this server was ever asked. Its journal is a file of JSON
lines, each written before anything else is done, so that a kill loses none.
`python -m tests.chaos.marked_server NAME --port 9100 --journal FILE`.
"""

import argparse
import asyncio
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvloop

from tests.support.behaviours import SSE, json_reply, speaks
from tests.support.fault_server import FaultServer
from tests.support.openai_bodies import Words, chat_answer, chat_events
from tests.support.scripts import Behaviour, Pause, Reply, Script, SeenRequest, Send, Step

_ORDER = re.compile(r"chaos (\d+) tokens=(\d+) first_ms=(\d+) gap_ms=(\d+)")
_MARK = re.compile(r" ([0-9]+)\.([a-z0-9-]+)\.([0-9a-z]+)\.([0-9]+)")


@dataclass(frozen=True, slots=True)
class Order:
    """What a server is to say, and how fast."""

    request: int
    tokens: int
    first_ms: int
    gap_ms: int

    @property
    def prompt(self) -> str:
        """The order as the text of a user's turn."""
        return f"chaos {self.request} tokens={self.tokens} first_ms={self.first_ms} gap_ms={self.gap_ms}"


def read_order(prompt: str) -> Order | None:
    """Find an order in a prompt; None where there is none."""
    found = _ORDER.search(prompt)
    return None if found is None else Order(*(int(number) for number in found.groups()))


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """One token of an answer: what it belongs to, and its place."""

    request: int
    server: str
    serial: str
    place: int

    def __str__(self) -> str:
        return f" {self.request}.{self.server}.{self.serial}.{self.place}"


def read_marks(text: str) -> list[Mark] | None:
    """Read a text that is made of marks only; None for any other."""
    marks = [Mark(int(m[1]), m[2], m[3], int(m[4])) for m in _MARK.finditer(text)]
    return marks if "".join(map(str, marks)) == text else None


def marked(name: str, life: str, write: Callable[[dict[str, Any]], None], now_s: Callable[[], float]) -> Behaviour:
    """Answer orders with marks, and write down when each was asked, was finished, or was abandoned by its caller.

    `life` tells the serials of one life of the process from those of the next.
    """
    serials = iter(range(1_000_000_000))
    watching: set[asyncio.Task[None]] = set()

    async def watch(seen: SeenRequest, record: dict[str, Any]) -> None:
        done = [asyncio.ensure_future(event.wait()) for event in (seen.finished, seen.gone)]
        _, pending = await asyncio.wait(done, return_when=asyncio.FIRST_COMPLETED)
        for waiter in pending:
            waiter.cancel()
        event = "finished" if seen.finished.is_set() else "gone"
        write({**record, "event": event, "at_s": now_s(), "sent_bytes": seen.sent_bytes})

    def behave(seen: SeenRequest) -> Script:
        messages = seen.json.get("messages") or [{}]
        order = read_order(str(messages[-1].get("content")))
        if order is None:
            return speaks()(seen)
        serial = f"{life}x{next(serials)}"
        record = {"server": name, "request": order.request, "serial": serial}
        write({**record, "event": "asked", "at_s": now_s()})
        task = asyncio.get_running_loop().create_task(watch(seen, record))
        watching.add(task)
        task.add_done_callback(watching.discard)
        pieces = tuple(str(Mark(order.request, name, serial, place)) for place in range(order.tokens))
        return _script(seen, order, Words(model=seen.model, pieces=pieces))

    return behave


def _script(seen: SeenRequest, order: Order, said: Words) -> Reply:
    first, gap = Pause(order.first_ms / 1e3), Pause(order.gap_ms / 1e3)
    if not seen.json.get("stream"):
        whole = chat_answer(said)
        wait = Pause((order.first_ms + order.tokens * order.gap_ms) / 1e3)
        reply = json_reply(200, whole)
        return Reply(reply.status, reply.headers, before=(wait,), body=reply.body)
    role, *events = chat_events(said, usage=True, done=True)
    steps: list[Step] = [Send(role), first]
    for event in events:
        steps += [Send(event), gap]
    return Reply(200, SSE, body=tuple(steps[:-1]), chunked=True)


async def _serve(name: str, port: int, journal: Path) -> None:
    # Unbuffered: a line is with the system once it was written, whatever becomes of this process.
    with journal.open("ab", buffering=0) as file:

        def write(record: dict[str, Any]) -> None:
            file.write(json.dumps(record).encode() + b"\n")

        async with FaultServer(port) as server:
            server.plan.general = marked(name, f"{time.time_ns():x}", write, time.time)
            await asyncio.Event().wait()


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser(description="A model server whose tokens say where they belong.")
    parser.add_argument("name")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--journal", type=Path, required=True)
    given = parser.parse_args()
    uvloop.run(_serve(given.name, given.port, given.journal))


if __name__ == "__main__":
    main()
