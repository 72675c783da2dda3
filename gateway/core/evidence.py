"""What is known of a route from graded answers: those requests that every one of its tiers was graded on."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from gateway.core.choices import Ramp, Row, Switch, lay_out, switches_of
from gateway.core.gate import Gate, gate_of
from gateway.domain.ability import Ability
from gateway.domain.calibration import Catalogue
from gateway.domain.dial import Aim
from gateway.domain.tier import Tier

LEAST_GRADED: Final = 100
"""Fewer requests cannot tell a lost share below some 3 %, even where none of them is lost."""
LEAST_OF_A_TASK: Final = 50
"""Fewer requests do not stand for a kind of task: the model's interval does."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Graded requests of a route.

    `losses` holds, by request and tier, what that tier's answer lost against the strongest's; `lost` their sum over the
    choices at a λ. `tasks` are the kinds of task that the requests stand for. `top` is the strongest tier's position.
    """

    rows: tuple[Row, ...]
    losses: tuple[tuple[float, ...], ...]
    tasks: frozenset[str]
    top: int
    gate: Gate
    switches: tuple[Switch, ...]
    lost: Ramp

    def quality_low(self, dial: float) -> float:
        """Return the least share of the strongest tier's quality kept at a λ, by the rule that live requests take."""
        chosen = [row.choice(dial) for row in self.rows]
        if all(position == self.top for position in chosen):
            return 1.0
        return self.gate.quality_low(sum(losses[at] for losses, at in zip(self.losses, chosen, strict=True)))

    def quality(self, dial: float) -> float:
        """Return the share of the strongest tier's quality that was kept on these very requests."""
        return 1.0 - self.lost.at(dial) / self.gate.mass


def find_evidence(tiers: Sequence[Tier], top: int, aim: Aim, catalogue: Catalogue) -> Evidence | None:
    """Return the graded requests of a route; None where they cannot tell.

    They cannot where a tier is not exactly one of the references (its ability was measured on its own servers, or moved
    by feedback), where fewer than LEAST_GRADED requests have answers of all tiers or no kind of task has enough of
    them, and where so few are answered well by the strongest that nothing could certify the quality asked for.
    """
    columns = [_scores(tier.ability, catalogue) for tier in tiers]
    known = [column for column in columns if column is not None]
    if len(known) < len(columns):
        return None
    graded = [at for at, scores in enumerate(zip(*known, strict=True)) if not any(map(math.isnan, scores))]
    counts = Counter(catalogue.graded.requests[at].task for at in graded)
    tasks = frozenset(task for task, count in counts.items() if count >= LEAST_OF_A_TASK)
    if len(graded) < LEAST_GRADED or not tasks:
        return None
    scores = [tuple(column[at] for column in known) for at in graded]
    is_exact = all(score in (0.0, 1.0) for each in scores for score in each)
    gate = gate_of([each[top] for each in scores], is_exact=is_exact)
    if gate.mass <= 0.0 or (aim.quality is not None and gate.allowance(aim.quality) is None):
        return None
    rows = lay_out(tiers, top, (catalogue.graded.requests[at] for at in graded), aim.when_unknown)
    losses = tuple(tuple(max(0.0, each[top] - score) for score in each) for each in scores)
    switches = tuple(switches_of(rows))
    lost = Ramp(rows, switches, lambda row, position: losses[row][position])
    return Evidence(rows, losses, tasks, top, gate, switches, lost)


def _scores(ability: Ability, catalogue: Catalogue) -> Sequence[float] | None:
    if catalogue.references.get(ability.reference) != ability:
        return None
    return catalogue.graded.scores.get(ability.reference)
