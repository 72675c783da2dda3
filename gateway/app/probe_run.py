"""Ask a tier's servers many probes at once, keep every answer, and stop for a reason that can be told."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from gateway.adapters.answers_file import AnswersFile, KeptAnswer
from gateway.app.probe_asking import Fault, Manners, NotAnswered, Reply, ask
from gateway.core.probes.probe import Probe
from gateway.core.probes.reading import without_thinking
from gateway.domain.tier import Tier
from gateway.domain.usage import TokenUsage, tokens_in
from gateway.ports import Clock, UpstreamTransport

MAX_TRIES: Final = 6
"""Of one probe, over all endpoints: with doubling pauses half a minute, in which most servers restart."""
FIRST_PAUSE_S: Final = 1.0
EMPTY_IN_A_ROW: Final = 20
"""Empty answers after which it is no accident."""
FAILED_IN_A_ROW: Final = 10
"""Probes that a server rejects or breaks on, one after the other."""
_TRIES: Final = {Fault.REFUSED: 1, Fault.UNKNOWN_MODEL: 1, Fault.REJECTED: 1, Fault.SLOW: 2}
"""Where trying again hardly helps, or takes the whole of a long limit each time."""
_OF_THE_PROBE: Final = frozenset({Fault.REJECTED, Fault.BROKEN, Fault.SLOW})
"""May lie with the one probe: it is passed over."""


class Ended(StrEnum):
    """Why no more probes are asked."""

    DONE = "done"
    BUDGET = "budget"


class ProbingStopped(Exception):
    """Going on makes no sense. The message says why, and how to mend it; what was answered is kept."""


@dataclass(slots=True)
class Campaign:
    """What is asked of whom, and how far it has come. Money is that of all kept answers, earlier runs' too."""

    tier: Tier
    probes: Sequence[Probe]
    answers: AnswersFile
    transports: Mapping[str, UpstreamTransport]
    clock: Clock
    pause: Callable[[float], Awaitable[object]]
    max_tokens: int
    concurrency: int = 4
    budget_usd_nano: int | None = None
    on_progress: Callable[["Campaign"], object] = lambda campaign: None
    passed_over: int = 0
    ended: Ended = Ended.DONE
    last_fault: str = ""
    _manners: Manners = field(default_factory=Manners)
    _reserved_usd_nano: int = 0
    _empty_in_a_row: int = 0
    _failed_in_a_row: int = 0
    _turn: int = 0

    @property
    def answered(self) -> dict[str, KeptAnswer]:
        """Return the kept answers to these probes, by key; not those that a larger limit may still complete."""
        kept = self.answers.answers
        found = {probe.key: kept[probe.key] for probe in self.probes if probe.key in kept}
        return {key: each for key, each in found.items() if not each.is_cut or each.max_tokens >= self.max_tokens}

    @property
    def spent_usd_nano(self) -> int:
        """Return what the kept answers cost."""
        kept = self.answers.answers
        return sum(self._cost(kept[probe.key]) for probe in self.probes if probe.key in kept)

    async def run(self) -> None:
        """Ask what is not yet answered. Raises ProbingStopped."""
        answered = self.answered
        pending = iter([probe for probe in self.probes if probe.key not in answered])
        self.on_progress(self)
        stopped: list[BaseException] = []
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self.concurrency):
                    group.create_task(self._work(pending))
        except* ProbingStopped as reasons:
            # Raised in here, it would come out in a group of its own.
            stopped = list(reasons.exceptions)
        if stopped:
            raise stopped[0]

    async def _work(self, pending: Iterator[Probe]) -> None:
        for probe in pending:
            most = self._most(probe)
            if self.budget_usd_nano is not None and (
                self.spent_usd_nano + self._reserved_usd_nano + most > self.budget_usd_nano
            ):
                self.ended = Ended.BUDGET
                return
            self._reserved_usd_nano += most
            try:
                reply = await self._ask(probe)
            finally:
                self._reserved_usd_nano -= most
            if reply is not None:
                self._keep(probe, reply)
            self.on_progress(self)

    def _most(self, probe: Probe) -> int:
        """Return the most that an answer can cost."""
        return self.tier.price.charge_usd_nano(TokenUsage(tokens_in(len(probe.task.text.encode())), self.max_tokens))

    def _cost(self, kept: KeptAnswer) -> int:
        return self.tier.price.charge_usd_nano(TokenUsage(kept.input_tokens, kept.output_tokens))

    def _keep(self, probe: Probe, reply: Reply) -> None:
        usage = reply.usage
        self.answers.add(
            KeptAnswer(probe.key, reply.text, usage.input_tokens, usage.output_tokens, self.max_tokens, reply.is_cut)
        )
        self._failed_in_a_row = 0
        self._empty_in_a_row = 0 if without_thinking(reply.text) else self._empty_in_a_row + 1
        if self._empty_in_a_row >= EMPTY_IN_A_ROW:
            raise ProbingStopped(
                f"the last {EMPTY_IN_A_ROW} answers were empty. If the model thinks before it answers, give it more "
                "room with --max-tokens; if not, look at what the server sends"
            )

    async def _ask(self, probe: Probe) -> Reply | None:
        """Ask until there is an answer; None where this probe is to be passed over."""
        number = 0
        while True:
            number += 1
            try:
                return await self._ask_once(probe)
            except NotAnswered as problem:
                failure = problem
            self.last_fault = str(failure)
            if failure.fault is Fault.REJECTED and self._manners.learn(str(failure)):
                continue
            if number >= _TRIES.get(failure.fault, MAX_TRIES):
                break
            await self._wait(number, failure)
        self._give_up(failure)
        return None

    async def _ask_once(self, probe: Probe) -> Reply:
        endpoint = self.tier.endpoints[self._turn % len(self.tier.endpoints)]
        self._turn += 1
        return await ask(
            self.tier,
            endpoint,
            probe.task.text,
            self.max_tokens,
            manners=self._manners,
            transports=self.transports,
            clock=self.clock,
        )

    async def _wait(self, number: int, failure: NotAnswered) -> None:
        # What a server asks for was bounded when it was read.
        pause_s = max(FIRST_PAUSE_S * 2.0 ** (number - 1), failure.wait_s or 0.0)
        await self.pause(pause_s)

    def _give_up(self, failure: NotAnswered) -> None:
        if failure.fault in _OF_THE_PROBE:
            self.passed_over += 1
            self._failed_in_a_row += 1
            if self._failed_in_a_row < FAILED_IN_A_ROW:
                return
        raise ProbingStopped(f"{self._servers()}: {failure}. {_MEND[failure.fault]}")

    def _servers(self) -> str:
        return ", ".join(dict.fromkeys(endpoint.base_url for endpoint in self.tier.endpoints))


_MEND: Final = {
    Fault.DOWN: "Is the server running, and the endpoint's url right? `tiergate doctor` looks at it",
    Fault.SLOW: "Ask fewer at once with --concurrency, or shorter answers with --max-tokens",
    Fault.BUSY: "Ask fewer at once with --concurrency, or later: what was answered is kept",
    Fault.BROKEN: "Look at the server's log",
    Fault.REFUSED: "Mend the endpoint's api_key in the policy, or the variable that it names",
    Fault.UNKNOWN_MODEL: "Mend the tier's model in the policy: `tiergate doctor` lists what the server has",
    Fault.REJECTED: "The server does not take such requests",
}
