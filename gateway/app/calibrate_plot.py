"""What a calibration found, for a terminal: the share right by kind and level, the curve, the ability."""

from collections.abc import Iterable
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from gateway.app.calibration_document import Calibration, accepted_between
from gateway.app.cli_output import facts, table, title
from gateway.core.probes.probe import LEVELS
from gateway.core.reliability import Reliability, Share, by_family, by_kind, over_all
from gateway.domain.ability import Z_95
from gateway.domain.calibration import Catalogue
from gateway.domain.money import format_usd
from gateway.policy.words import percent

_BLOCKS: Final = " ▁▂▃▄▅▆▇█"
_LINE: Final = 50
"""Characters of the line from 0 to 1."""
_NEAREST: Final = 3


def print_calibration(console: Console, calibration: Calibration, catalogue: Catalogue, *, families: bool) -> None:
    """Print everything; with `families` also each family's shares."""
    answers = calibration.answers
    console.print(title("right, by kind and level"))
    console.print(_map(by_kind(answers)))
    console.print()
    if families:
        console.print(title("right, by family and level"))
        console.print(_map(by_family(answers)))
        console.print()
    console.print(title("right, by level, with 90 % intervals"))
    for line in curve_lines(over_all(answers)):
        console.print(line)
    console.print()
    console.print(title(f"ability of tier {calibration.tier.name} ({calibration.tier.model})"))
    console.print(facts(ability_facts(calibration, catalogue)))


def _map(rows: Iterable[Reliability]) -> Table:
    levels = [str(level) for level in range(1, LEVELS + 1)]
    made = table("", *levels, "all", "90 % interval", "half right at", right=[*levels, "all"])
    for each in rows:
        shares = dict(each.levels)
        cells = [_cell(shares.get(level)) for level in range(1, LEVELS + 1)]
        low, high = each.whole.interval
        span = f"{percent(round(low, 2))} – {percent(round(high, 2))}"
        made.add_row(each.name, *cells, _share(each.whole), span, half_level_words(each.half_level))
    return made


def _cell(share: Share | None) -> Text:
    if share is None:
        return Text("–", style="dim")
    block = _BLOCKS[round(share.value * (len(_BLOCKS) - 1))]
    colour = "green" if share.value >= 2 / 3 else "yellow" if share.value >= 1 / 3 else "red"
    return Text.assemble((block, colour), f" {share.right}/{share.asked}")


def _share(share: Share) -> str:
    return percent(round(share.value, 2))


def half_level_words(level: float) -> str:
    """Say at which level half of the answers are right."""
    if level <= 0.0:
        return "below level 1"
    return "beyond level 6" if level > LEVELS else f"level {level:.1f}"


def curve_lines(reliability: Reliability) -> list[str]:
    """Draw a line for each level: the interval as a stroke, the share as a dot, the falling curve as a mark."""
    lines = []
    for (level, share), at in zip(reliability.levels, reliability.curve, strict=True):
        low, high = share.interval
        line = ["·"] * (_LINE + 1)
        for place in range(round(low * _LINE), round(high * _LINE) + 1):
            line[place] = "─"
        line[round(at * _LINE)] = "│"
        line[round(share.value * _LINE)] = "●"
        lines.append(f"  level {level}  {''.join(line)}  {_share(share):>5}  {share.right} of {share.asked}")
    axis = "0 %".ljust(_LINE - 4) + "100 %"
    return [*lines, f"           {axis}"]


def ability_facts(calibration: Calibration, catalogue: Catalogue) -> Iterable[tuple[str, str]]:
    """Yield what is believed of the tier, and how sure it is."""
    measured, ability = calibration.measured, calibration.ability
    error = measured.fit.deviations()[0]
    yield "answers accepted", f"{percent(round(ability.prior, 3))} of the calibration requests are expected to be"
    yield "90 %, probes alone", _span(accepted_between(ability, measured.own_error))
    yield "90 %, on traffic", _span(accepted_between(ability, measured.standard_error))
    low, high = measured.fit.intercept - Z_95 * error, measured.fit.intercept + Z_95 * error
    yield "intercept", f"{measured.fit.intercept:+.2f} (90 % interval {low:+.2f} to {high:+.2f}, logits)"
    yield (
        "standard error",
        (
            f"{measured.standard_error:.2f} logits: {measured.own_error:.2f} from the probes, "
            f"{measured.shift_error:.2f} because probes are not the traffic"
        ),
    )
    near = sorted(catalogue.references.values(), key=lambda each: abs(each.prior - ability.prior))[:_NEAREST]
    yield "accepted as often", ", ".join(f"{each.reference} ({percent(round(each.prior, 3))})" for each in near)
    asked, used = len(calibration.answers), measured.used
    unknown = "" if used == asked else f"; {asked - used} of unknown wording left out of the fit"
    yield "answers", f"{asked}, {calibration.cut} of them cut at the limit of tokens{unknown}"
    yield "tokens of an answer", f"{calibration.expected_output_tokens} on average"
    yield "spent", f"${format_usd(calibration.spent_usd_nano)}"


def _span(interval: tuple[float, float]) -> str:
    low, high = interval
    return f"{percent(round(low, 3))} to {percent(round(high, 3))}"
