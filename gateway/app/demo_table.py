"""How the demo looks: a line per request as it happens, then what it came to. Made for 100 columns; 80 show less."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from gateway.app.demo_policy import TierOnShow
from gateway.app.demo_rows import Row
from gateway.app.demo_stage import Stage
from gateway.app.demo_summary import Summary
from gateway.domain.money import USD_NANO_PER_USD

WIDTH_MIN: Final = 80
WIDTH_WHOLE: Final = 100
"""From this width on there is room for every column."""
WIDTH_MAX: Final = 128
_COLOURS: Final = ("green", "cyan", "magenta")
_USD_NANO_PER_MICRO: Final = 1_000


@dataclass(frozen=True, slots=True)
class _Column:
    head: str
    width: int
    right: bool = False
    below: str = ""
    may_go: bool = False


_COLUMNS: Final = (
    _Column("#", 2, right=True),
    _Column("question", 0),
    _Column("P ok %", 8, right=True),
    _Column("tier", 5),
    _Column("why", 17),
    _Column("cache", 9),
    _Column("tries", 5, right=True),
    _Column("TTFT", 5, right=True, below="ms"),
    _Column("all", 5, right=True, below="ms", may_go=True),
    _Column("tokens", 7, right=True, below="in→out", may_go=True),
    _Column("µ$", 6, right=True),
)
_QUESTION, _CHANCES = 1, 2


class Show:
    """Prints the demo. `tiers` are cheapest first."""

    def __init__(self, console: Console, tiers: Sequence[TierOnShow]) -> None:
        self._console = console
        self._tiers = [tier.name for tier in tiers]
        self._colours: Mapping[str, str] = {tier.name: _COLOURS[i % 3] for i, tier in enumerate(tiers)}
        self._width = min(max(console.width, WIDTH_MIN), WIDTH_MAX)
        is_whole = self._width >= WIDTH_WHOLE
        self._columns = [at for at, column in enumerate(_COLUMNS) if is_whole or not column.may_go]
        others = sum(_COLUMNS[at].width for at in self._columns) + len(self._columns) - 1
        self._question_width = self._width - others

    def opening(self, origin: str, tiers: Sequence[tuple[TierOnShow, str]], seconds: float) -> None:
        """Print what runs."""
        self._console.print(
            Text.assemble(
                ("Tiergate demo", "bold"),
                f": {len(tiers)} real model servers behind {origin}/v1, ready after {seconds:.1f} s\n",
            )
        )
        grid = Table.grid(padding=(0, 2))
        grid.add_row(
            *(Text(head, "dim") for head in ("  tier", "served by llama.cpp", "stands for", "$ a million tokens"))
        )
        for tier, weights in tiers:
            price = f"{tier.input_price} in, {tier.output_price} out"
            grid.add_row(Text(f"  {tier.name}", self._colours[tier.name]), weights, tier.like, price)
        self._console.print(grid)
        self._console.print()

    def legend(self) -> None:
        """Print how to read the columns."""
        names = ", ".join(f"{tier[:1]} {tier}" for tier in self._tiers)
        self.say(
            f"P ok %: the difficulty model's chance of a good answer from what a tier stands for ({names}). "
            "The best chance for the money answers. µ$: millionths of a dollar.",
            "dim",
        )
        self._console.print()

    def say(self, text: str, style: str) -> None:
        """Print a sentence, folded to the table's width."""
        self._console.print(Text(text, style), width=self._width)

    def head(self) -> None:
        """Print the heads of the columns."""
        initials = "  ".join(tier[:1] for tier in self._tiers)
        self._print([Text(column.head, "bold") for column in _COLUMNS])
        self._print([Text(initials if at == _CHANCES else column.below, "dim") for at, column in enumerate(_COLUMNS)])
        self._console.print(Text("─" * self._width, "dim"))

    def row(self, row: Row) -> None:
        """Print a request."""
        colour = self._colours.get(row.tier or "", "red")
        is_hit, is_moved = row.is_hit, row.first_choice is not None or row.attempts > 1
        cost = "free" if is_hit else f"{row.charge_usd_nano / _USD_NANO_PER_MICRO:.1f}"
        self._print(
            [
                Text(str(row.number), "dim"),
                Text(_shortened(row, self._question_width), "" if row.status == 200 else "red"),
                self._chances(row),
                Text(row.tier or "–", colour),
                Text(row.why, "yellow" if is_moved else ""),
                Text(row.cache, "bold blue" if is_hit else "dim"),
                Text(str(row.attempts), "yellow" if row.attempts > 1 else "dim"),
                Text(_ms(row.ttft_ms)),
                Text(_ms(row.total_ms)),
                Text(f"{row.input_tokens}→{row.output_tokens}"),
                Text(cost, "bold blue" if is_hit else ""),
            ]
        )

    def event(self, text: str) -> None:
        """Print something that happened between two requests."""
        self._console.print(Text(f"── {text} ".ljust(self._width, "─"), "bold red"))

    def _chances(self, row: Row) -> Text:
        if not row.p:
            return Text("–", "dim")
        cells = [Text(f"{100 * row.p[tier]:2.0f}" if tier in row.p else " ·", "dim") for tier in self._tiers]
        for tier, cell in zip(self._tiers, cells, strict=True):
            cell.style = self._colours[tier] if tier == row.tier else "dim"
        return Text(" ").join(cells)

    def _print(self, cells: Sequence[Text]) -> None:
        grid = Table.grid(padding=(0, 1, 0, 0))
        for at in self._columns:
            column, width = _COLUMNS[at], _COLUMNS[at].width or self._question_width
            grid.add_column(width=width, justify="right" if column.right else "left", no_wrap=True, overflow="ellipsis")
        grid.add_row(*(cells[at] for at in self._columns))
        self._console.print(grid, width=self._width + 1, no_wrap=True, crop=False)

    def answers(self, rows: Sequence[Row]) -> None:
        """Print one answer of each tier."""
        self._console.print(Text("─" * self._width, "dim"))
        grid = Table.grid(padding=(0, 2))
        for tier in self._tiers:
            said = next((row for row in rows if row.tier == tier and row.text), None)
            if said is not None:
                text = " ".join(said.text.split())
                grid.add_row(
                    Text(tier, self._colours[tier]), Text(f"“{text}”", "italic", no_wrap=True, overflow="ellipsis")
                )
        self._console.print(Text("What they said", "bold"))
        self._console.print(grid, width=self._width)
        self._console.print()

    def closest(self, rows: Sequence[Row]) -> None:
        """Print how the closest call of all was decided: score, interval, bar, and what would have flipped it."""
        close = [(row.margin, row.number, row) for row in rows if row.margin is not None and not row.is_hit]
        if not close:
            return
        _, number, row = min(close)
        self._console.print(Text.assemble(("The closest call", "bold"), f": request {number}, “{row.question}”"))
        for line in row.explained:
            self._console.print(Text(f"  {line}", "dim"), width=self._width)
        self._console.print()

    def likeness(self, rows: Sequence[Row]) -> None:
        """Print which questions were like earlier ones, and what came of it."""
        like = [row for row in rows if row.likeness is not None]
        if not like:
            return
        self._console.print(Text("The same in other words?", "bold"))
        for row in like:
            self._console.print(Text(f"  request {row.number}, “{row.question}”"), width=self._width)
            self._console.print(Text(f"    {row.likeness}", "dim"), width=self._width)
        self._console.print()

    def kept(self, stage: Stage, curl: str, request_id: str | None) -> None:
        """Print what there is to try while everything runs."""
        self._console.print(Text("Running until Ctrl-C", "bold"))
        for name, value in (
            ("base URL", f"{stage.origin}/v1   any OpenAI client, any key, model auto"),
            ("console", stage.gateway.console),
            ("metrics", f"{stage.origin}/metrics"),
            ("policy", f"{stage.policy}   edit it: a good edit is live in a second"),
            ("logs", f"{stage.folder}"),
            ("explain", f"tiergate explain --id {request_id} --url {stage.origin}"),
        ):
            self.command(f"  {name:<10}{value}")
        self.command(f"\n  {curl}\n", "bold")

    def command(self, text: str, style: str = "") -> None:
        """Print what people copy: never folded, so that it stays whole where the terminal wraps it."""
        self._console.print(Text(text, style), soft_wrap=True)

    def summary(self, summary: Summary) -> None:
        """Print what it came to."""
        grid = Table.grid(padding=(0, 2))
        grid.add_column(style="bold")
        grid.add_column()
        grid.add_row("Requests", f"{summary.requests}, {summary.answered} answered")
        for total in summary.tiers:
            bar = "█" * round(20 * total.share)
            line = Text(f"{total.tier:<6}{100 * total.share:3.0f} %  {total.requests:2d} ", self._colours[total.tier])
            line.append(f"{bar:<20}", self._colours[total.tier])
            line.append(f" {total.input_tokens + total.output_tokens:>6,} tokens  {_usd(total.charge_usd_nano)}")
            grid.add_row("", line)
        grid.add_row("Cache", f"{summary.cache_hits} answered from the cache, for nothing")
        grid.add_row(
            "Fallback",
            f"{summary.fallbacks} answered by another server after a failed attempt, "
            f"{summary.rerouted} sent past a server known to be down",
        )
        grid.add_row("Money", Text.assemble(*self._money(summary)))
        self._console.print(grid)

    def _money(self, summary: Summary) -> list[str | tuple[str, str]]:
        return [
            f"{_usd(summary.charge_usd_nano)} instead of {_usd(summary.baseline_usd_nano)} "
            f"with always the strongest tier, about ",
            (f"{100 * summary.saved_share:.0f} % saved", "bold green"),
        ]


def _shortened(row: Row, width: int) -> str:
    mark = "" if row.model == "auto" else f"[{row.model}] "
    text = f"{mark}{row.question}"
    return text if len(text) <= width else text[: width - 1].rstrip() + "…"


def _ms(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}" if value < 10 else f"{value:.0f}"


def _usd(usd_nano: int) -> str:
    return f"${usd_nano / USD_NANO_PER_USD:.6f}"
