"""R10: edits of a prompt that keep its meaning, and pleas for a dearer tier, on the router that is released."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Final

import numpy as np

from router_models.benchmarks import STRONG, WEAK
from router_models.data import CHARS_PER_TOKEN
from router_models.edits import ATTACKS, EDITS
from router_models.partitions import released
from router_models.report import Line, Part, percent, verdict
from router_models.robustness import PROMPTS, Probe, Score, Scored, probe, robustness_table
from router_models.router import Router, Stage
from router_models.workbench import Bench

ENCODER_PROMPTS: Final = 200
"""The encoder reads 17 forms of each: some minutes' work on a CPU."""
PLEAS: Final = frozenset({"this is hard", "use the best model", "plea at the start", "plea at the end"})


def r10(bench: Bench) -> Part:
    """Probe every stage at the threshold that sends half of the prompts to the strong model."""
    fitted: Router | None = None
    lines: list[Line] = []
    tables = []
    for stage in bench.stages:
        path = bench.fits.directory / f"probes-{stage}.json"
        if path.is_file():
            probes = [Probe(**each) for each in json.loads(path.read_text("utf-8"))]
        else:
            if fitted is None:
                bench.note("R10: fit on train and valid")
                fitted = bench.fits.router(released(bench.outcomes).training)
            texts = _prompts(bench, ENCODER_PROMPTS if stage is Stage.ENCODER else PROMPTS)
            bench.note(f"R10: probe {stage} with {len(texts):,} prompts")
            probes = probe(_score(bench, fitted, stage), texts, bench.seed)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps([asdict(each) for each in probes]), "utf-8")
        lines.append(_line(bench, stage, probes))
        tables.append(robustness_table(probes, f"R10: {stage}, test split"))
    return Part(tuple(lines), tuple(tables))


def prompts_of(bench: Bench, stage: Stage) -> int:
    """Return how many prompts a stage is probed with."""
    tested = int(bench.outcomes.where(split="test").sum())
    return min(tested, ENCODER_PROMPTS if stage is Stage.ENCODER else PROMPTS)


def measured(prompts: int) -> str:
    """Say what is measured with so many prompts."""
    return f"{prompts:,} prompts of the test split, {len(EDITS)} edits and {len(ATTACKS)} attacks"


def _prompts(bench: Bench, most: int) -> list[str]:
    rows = np.flatnonzero(bench.outcomes.where(split="test"))
    drawn = np.random.default_rng(bench.seed).permutation(rows)[:most]
    return [bench.outcomes.queries[row].prompt for row in drawn]


def _score(bench: Bench, fitted: Router, stage: Stage) -> Score:
    weak, strong = bench.pair()
    price = np.array([sum(bench.prices[name]) for name in (WEAK, STRONG)])

    def score(texts: Sequence[str]) -> Scored:
        read = fitted.on(bench.read(texts, with_encoder=stage is Stage.ENCODER))
        chance = read.chance(np.arange(len(texts)), stage)
        tokens = np.array([len(text) / CHARS_PER_TOKEN for text in texts])
        return Scored(chance[:, strong] - chance[:, weak], tokens[:, None] * price)

    return score


def _line(bench: Bench, stage: Stage, probes: Sequence[Probe]) -> Line:
    kept = [each for each in probes if not each.is_attack]
    pleas = [each for each in probes if each.edit in PLEAS]
    mean = float(np.mean([each.flips for each in kept]))
    worst = max(kept, key=lambda each: each.flips)
    moved = max(abs(each.cost_moved) for each in pleas)
    prompts = prompts_of(bench, stage)
    # Prompts are independent draws; the edits of one are not, so the interval is that of one edit's share.
    error = 1.96 * (worst.flips * (1 - worst.flips) / max(worst.applied * prompts, 1)) ** 0.5
    return Line(
        "R10",
        measured(prompts),
        stage.value,
        f"{percent(mean)} % flip on the mean, {percent(worst.flips)} ± {percent(error)} % by the worst "
        f"({worst.edit}); pleas move cost by up to {percent(moved)} %",
        verdict=verdict(worst.flips <= 0.05 and moved <= 0.01, worst.flips <= 0.02 and moved <= 0.002),
    )
