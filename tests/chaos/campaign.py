"""Runs a campaign: traffic without pause, faults by a seeded plan, and everything that is needed to judge them on disk.

folder/  raw.history official.history  *.journal  faults.jsonl receipts.jsonl run.json
"""

import asyncio
import json
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.chaos.actors import STARTS_WITHIN_S, Actor
from tests.chaos.books import read_books
from tests.chaos.clients import RawCall
from tests.chaos.faults import HOUSE, OUTSIDE, Injected, Kind, Phase, Planned, draw
from tests.chaos.history import History, now_s, read_lines
from tests.chaos.house import House
from tests.chaos.injector import Injector
from tests.chaos.rig import Rig, running_rig
from tests.chaos.traffic import Traffic

WARM_S = 2.0
RATE_PER_S = 15.0
OFFICIAL_RATE_PER_S = 2.0
OFFICIAL_FIRST = 10_000_000
CLEAN_S = 12.0
"""After the last fault: holds settle and endpoints come back before the books are read for the last time."""
RECEIPT_TRIES = 6
"""While Redis is away a receipt is known to the worker that wrote it alone."""
HOUSE_SHARE = 0.2
"""Of all faults: those of gateways and of Redis stop everything at once, and none is to hide what the others show."""
FETCH_EVERY_S = WAITS_S = 0.5
TICK_S = 0.05
STARVED_S = 0.1
"""A loop that is so late was kept from running by other processes, as were, most likely, those that it watches."""
REST_S = 0.3
"""After each fault. Retries are a tenth of the requests: faults without pause would leave none for the next."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Terms:
    """What to do: so many faults, or as many as there is time for."""

    faults: int
    within_s: float
    seed: int


class Campaign:
    """One run against one rig."""

    def __init__(self, terms: Terms, rig: Rig, history: History, say: Say) -> None:
        self._terms = terms
        self._rig = rig
        self._say = say
        chance = random.Random(terms.seed)
        self._traffic = Traffic(rig.front.port, history, random.Random(chance.random()))
        self._injector = Injector(rig, self._traffic)
        self._house = House(rig, self._traffic)
        self._plans = {name: draw(random.Random(chance.random()), kinds) for name, kinds in _LANES.items()}
        self._official = _official(rig, terms.seed)
        self._began_s = now_s()
        self._count = dict.fromkeys(_LANES, 0)
        self._missed = 0
        self._starved: list[tuple[float, float]] = []

    async def run(self) -> None:
        """Run to the end; leaves the files."""
        stopping = asyncio.Event()
        self._official.start()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._traffic.flow(RATE_PER_S, stopping))
                group.create_task(self._watch_for_starvation(stopping))
                fetching = group.create_task(self._fetch_receipts(stopping))
                await asyncio.sleep(WARM_S)
                async with asyncio.TaskGroup() as lanes:
                    lanes.create_task(self._lane("outside", self._injector.inject))
                    lanes.create_task(self._lane("house", self._house.inject))
                self._say("no more faults: waiting until everything has come to rest")
                await asyncio.sleep(CLEAN_S)
                stopping.set()
                self._official.terminate()
                await self._official.ended(STARTS_WITHIN_S)
                await self._traffic.over()
                await fetching
        finally:
            self._official.end()
        await self._finish()

    async def _lane(self, name: str, inject: Callable[[Planned], Awaitable[Injected | None]]) -> None:
        with (self._rig.folder / "faults.jsonl").open("ab", buffering=0) as file:
            while self._injected < self._terms.faults and self._left_s() > 0:
                if name == "house" and self._count["house"] > HOUSE_SHARE * self._injected:
                    await asyncio.sleep(WAITS_S)
                    continue
                planned = next(self._plans[name])
                injected = await inject(planned)
                if injected is None:
                    self._missed += 1
                    continue
                self._count[name] += 1
                file.write(json.dumps(asdict(injected), default=lambda value: value.value).encode() + b"\n")
                self._say(
                    f"{self._injected}/{self._terms.faults} faults, {self._traffic.sent:,} requests,"
                    f" {self._left_s():.0f} s left: {planned.kind.value}, {planned.phase.value}"
                )
                await asyncio.sleep(REST_S)

    async def _watch_for_starvation(self, stopping: asyncio.Event) -> None:
        """Note when this process, in which all paths end, could not run: what went wrong then says nothing."""
        while not stopping.is_set():
            began_s = now_s()
            await asyncio.sleep(TICK_S)
            if now_s() - began_s - TICK_S > STARVED_S:
                self._starved.append((began_s, now_s()))

    @property
    def _injected(self) -> int:
        return sum(self._count.values())

    def _left_s(self) -> float:
        return self._terms.within_s - (now_s() - self._began_s)

    async def _fetch_receipts(self, stopping: asyncio.Event) -> None:
        """Fetch the receipt of every request of the raw client soon after its end, while Redis has it."""
        waiting: list[tuple[RawCall, int]] = []
        path = self._rig.folder / "receipts.jsonl"
        async with httpx.AsyncClient(trust_env=False, timeout=2.0) as client:
            with path.open("ab", buffering=0) as file:
                while not (stopping.is_set() and self._traffic.under_way == 0 and not waiting):
                    await asyncio.sleep(FETCH_EVERY_S)
                    found = waiting + [(call, 0) for call in self._traffic.take_ended()]
                    waiting = []
                    for call, tries in found:
                        gateway = self._rig.gateways[tries % len(self._rig.gateways)]
                        receipt = await _receipt(client, gateway.base_url, call)
                        if receipt is not None:
                            file.write(json.dumps({"request": call.order.request, **receipt}).encode() + b"\n")
                        elif tries < RECEIPT_TRIES:
                            waiting.append((call, tries + 1))

    async def _finish(self) -> None:
        books = [*self._house.books, read_books(self._rig.redis, now_s())]
        run = {
            "seed": self._terms.seed,
            "asked_faults": self._terms.faults,
            "injected": self._injected,
            "missed": self._missed,
            "unsent": self._traffic.unsent,
            "began_s": self._began_s,
            "ended_s": now_s(),
            "starved": self._starved,
            "refused": [asdict(refused) for refused in self._rig.front.refused],
            "books": [asdict(each) for each in books],
        }
        (self._rig.folder / "run.json").write_text(json.dumps(run))


_LANES: Mapping[str, Mapping[Kind, Sequence[Phase]]] = {"outside": OUTSIDE, "house": HOUSE}


def _official(rig: Rig, seed: int) -> Actor:
    command = ["-m", "tests.chaos.official_client", "--base-url", rig.front.base_url, "--seed", str(seed)]
    command += ["--history", str(rig.folder / "official.history"), "--first", str(OFFICIAL_FIRST)]
    return Actor("official-client", 0, [*command, "--rate", str(OFFICIAL_RATE_PER_S)], rig.folder)


async def _receipt(client: httpx.AsyncClient, base_url: str, call: RawCall) -> dict[str, Any] | None:
    if call.ending is None or call.ending.request_id is None:
        return None
    headers = {"authorization": f"Bearer sk-{call.call.tenant}"}
    try:
        answer = await client.get(f"{base_url}/receipts/{call.ending.request_id}", headers=headers)
    except httpx.TransportError:
        return None
    return _essence(answer.json()) if answer.status_code == 200 else None


def _essence(receipt: dict[str, Any]) -> dict[str, Any]:
    """Keep of a receipt what is judged."""
    attempts = ("tier", "endpoint", "started_ms", "first_content_ms", "ended_ms", "failure", "detail")
    return {
        "id": receipt["request_id"],
        "received_s": receipt["received_at_s"],
        "outcome": receipt["outcome"],
        "no_retry": receipt["no_retry"],
        "attempts": [{name: attempt[name] for name in attempts} for attempt in receipt["attempts"]],
    }


async def run_campaign(terms: Terms, folder: Path, say: Say) -> None:
    """Run one in that folder, which is empty."""
    async with running_rig(folder, say) as rig:
        with History(folder / "raw.history") as history:
            await Campaign(terms, rig, history, say).run()


def read_injected(path: Path) -> list[Injected]:
    """Read the faults of a run."""
    return [
        Injected(**{**line, "kind": Kind(line["kind"]), "phase": Phase(line["phase"])}) for line in read_lines(path)
    ]
