"""How often an edit that keeps a prompt's meaning changes where it is sent, and what that costs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from router_models.edits import ATTACKS, EDITS, Edit
from router_models.report import Table
from router_models.scientific import Doubles

PROMPTS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Scored:
    """What a router says of some texts: the gain of the dear tier over the cheap one, and what each would cost.

    `cost` is texts x 2, in any unit, cheap tier first.
    """

    gain: Doubles
    cost: Doubles


Score = Callable[[Sequence[str]], Scored]


@dataclass(frozen=True, slots=True)
class Probe:
    """One edit: the share of texts it changed, and, of those, flips (share) and the movement of their cost (share)."""

    edit: str
    is_attack: bool
    applied: float
    flips: float
    cost_moved: float


def probe(score: Score, texts: Sequence[str], seed: int, edits: Mapping[str, Edit] | None = None) -> list[Probe]:
    """Try every edit on every text at the threshold that sends half of the texts to the dear tier.

    Cost is what the texts would have cost as they were, sent where their edited form is sent: so it moves by decisions
    alone, and not by the tokens that an edit adds.
    """
    plain = score(texts)
    threshold = float(np.median(plain.gain))
    before = plain.gain > threshold
    return [
        _probe(name, edit, score, texts, seed, before, threshold, plain.cost)
        for name, edit in (edits or {**EDITS, **ATTACKS}).items()
    ]


def robustness_table(probes: Sequence[Probe], title: str = "Robustness, test split") -> Table:
    """Lay the probes out, with the mean and the worst of the edits that keep the meaning."""
    rows = [
        (
            f"{each.edit}{' (attack)' if each.is_attack else ''}",
            f"{100 * each.applied:.0f}",
            f"{100 * each.flips:.1f}",
            f"{100 * each.cost_moved:+.1f}",
        )
        for each in probes
    ]
    kept = [each for each in probes if not each.is_attack]
    if kept:
        mean, worst = np.mean([each.flips for each in kept]), max(kept, key=lambda each: each.flips)
        rows.append(("mean of the edits that keep the meaning", "", f"{100 * mean:.1f}", ""))
        rows.append((f"worst of them: {worst.edit}", "", f"{100 * worst.flips:.1f}", ""))
    columns = ("edit", "applies to, %", "flips at 50 %, %", "cost moved, %")
    return Table(title, columns, tuple(rows))


def _probe(
    name: str,
    edit: Edit,
    score: Score,
    texts: Sequence[str],
    seed: int,
    before: np.ndarray[tuple[int], np.dtype[np.bool_]],
    threshold: float,
    cost: Doubles,
) -> Probe:
    edited = [edit(text, seed + at) for at, text in enumerate(texts)]
    changed = np.array([one != other for one, other in zip(texts, edited, strict=True)])
    if not changed.any():
        return Probe(name, name in ATTACKS, 0.0, 0.0, 0.0)
    after = score(edited).gain > threshold
    spent_before = np.where(before, cost[:, 1], cost[:, 0])[changed].sum()
    spent_after = np.where(after, cost[:, 1], cost[:, 0])[changed].sum()
    flips = float((before != after)[changed].mean())
    return Probe(name, name in ATTACKS, float(changed.mean()), flips, float(spent_after / spent_before - 1))
