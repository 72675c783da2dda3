"""Play the demo's script on its stage: ask, ask again, kill a server, start it again; tell each as it happens."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from gateway.app.demo_models import DemoUnavailable
from gateway.app.demo_questions import Again, Kill, Question, Restart, Reworded, Step, Together, Unlike
from gateway.app.demo_rows import Reply, Row, row_of
from gateway.app.demo_summary import busiest

_KEPT = "stop"
"""Only an answer that ended by itself is kept: one that was cut is no whole answer."""


class Scene(Protocol):
    """What a play needs of its stage."""

    async def ask(self, questions: Sequence[Question]) -> Sequence[Reply]: ...

    def kill(self, tier: str) -> None: ...

    async def restart(self, tier: str) -> None: ...


class Audience(Protocol):
    """Who is told."""

    def progress(self, doing: str) -> None: ...

    def row(self, row: Row) -> None: ...

    def event(self, event: "Event") -> None: ...


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened after so many rows: a tier's server was `killed` or `restarted`."""

    after: int
    what: str
    tier: str


@dataclass(slots=True)
class Play:
    """What has happened so far. `tiers` are cheapest first."""

    scene: Scene
    audience: Audience
    tiers: Sequence[str]
    rows: list[Row] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    _asked: list[Question] = field(default_factory=list)
    _repeated: set[int] = field(default_factory=set)
    _killed: str | None = None

    async def run(self, steps: Sequence[Step]) -> None:
        """Play every step. Raises DemoUnavailable."""
        for step in steps:
            match step:
                case Question():
                    await self._ask(step)
                case Together():
                    await self._ask(*step.questions)
                case Again():
                    await self._ask_again(step)
                case Reworded():
                    await self._ask_instead([question.reworded for question in self._kept()])
                case Unlike():
                    # The last one: the first one's answer was given in other words just now.
                    await self._ask_instead([question.unlike for question in reversed(self._kept())])
                case Kill():
                    self._killed = busiest(self.rows, self.tiers)
                    self.scene.kill(self._killed)
                    self._happened("killed", self._killed)
                case Restart():
                    await self._restart()

    async def _ask(self, *questions: Question) -> None:
        self.audience.progress(f"asking: {questions[0].text}")
        for question, reply in zip(questions, await self.scene.ask(questions), strict=True):
            row = row_of(len(self.rows) + 1, question, reply)
            self.rows.append(row)
            self._asked.append(question)
            self.audience.row(row)

    async def _ask_again(self, step: Again) -> None:
        """Repeat the first kept answer's question, one not yet repeated if there is one."""
        kept = [position for position, row in enumerate(self.rows) if _is_kept(row)]
        fresh = [position for position in kept if position not in self._repeated]
        if not kept:
            raise DemoUnavailable("no answer ended by itself, so there is none in the cache to show")
        position = (fresh or kept)[0]
        self._repeated.add(position)
        await self._ask(replace(self._asked[position], stream=step.stream))

    async def _ask_instead(self, texts: Sequence[str | None]) -> None:
        """Ask the first of the texts; nothing where there is none, as no question that has one was answered whole."""
        text = next((text for text in texts if text is not None), None)
        if text is not None:
            await self._ask(Question(text))

    def _kept(self) -> Sequence[Question]:
        return [question for question, row in zip(self._asked, self.rows, strict=True) if _is_kept(row)]

    async def _restart(self) -> None:
        if self._killed is not None:
            self.audience.progress(f"starting {self._killed} again, and waiting until the gateway takes it back")
            await self.scene.restart(self._killed)
            self._happened("restarted", self._killed)
            self._killed = None

    def _happened(self, what: str, tier: str) -> None:
        event = Event(len(self.rows), what, tier)
        self.events.append(event)
        self.audience.event(event)


def _is_kept(row: Row) -> bool:
    return row.status == 200 and row.cache == "miss" and row.finish_reason == _KEPT
