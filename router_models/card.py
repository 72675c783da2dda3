"""Write the model card from what was measured."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime

from router_models.calibrate import Calibrated
from router_models.data import LICENCES, Outcomes
from router_models.evaluate import Table
from router_models.train import Trained

LIMITS = """\
- English only: the share of known words decides the familiarity, and a text in another language is mostly "unknown",
  which leaves the tier's prior.
- It reads words and shape, not meaning: it knows kinds of task and typical wordings, and little of what makes one
  question harder than its neighbour. On a kind of task that was not in training it can do worse than prompt length
  (see the last table), so calibrate on own traffic before trusting a tight quality bound.
- Models are compared by benchmark grading (right or wrong, or a task's metric) on public questions, some of which the
  models may have seen in training. Open-ended chat is represented by 80 queries and two models.
- An ability rests on the kinds of task in its `tasks`. On another kind its offset may be off by the between-task
  deviation stated above, which its standard error contains.
- Nothing here was trained on several turns; familiarity falls by 5 % a further turn, a choice and no measurement.
- The window read (300 characters at the start, 500 at the end), single words rather than word pairs, the damping of
  short texts and the order of magnitude of the ridges were settled in exploratory runs that looked at the valid and
  test splits together; the final rank, ridges and weights on the valid split alone. So the test figures may flatter
  by a few thousandths, and the folds, which share those settings, likewise.
- The calibration sample on which a policy's expectations are computed is drawn from the valid split, which the Platt
  maps (two numbers a model) were fitted on as well."""


def model_card(outcomes: Outcomes, trained: Trained, calibrated: Calibrated, tables: Sequence[Table]) -> str:
    """Return the card as Markdown."""
    machine = f"{os.cpu_count()} virtual cores, no GPU used"
    vocabulary = trained.fitted.vocabulary
    head = f"""# Model card: folded difficulty model

Written by `python -m router_models evaluate` on {datetime.now(UTC).date().isoformat()} ({machine}).

**What it is.** A low-rank item-response model: a request's latent position z ({trained.settings.latent} numbers) is
linear in its words ({len(vocabulary.words):,}) and {len(vocabulary.scalar_mean)} numbers about its shape; a reference
model answers acceptably with probability sigmoid(intercept + loadings · z), Platt-calibrated per model and mixed with
the model's prior by familiarity. {len(calibrated.abilities)} reference models.

**Trained on** {int(outcomes.where(split="train").sum()):,} queries (train split), calibrated on
{int(outcomes.where(split="valid").sum()):,} (valid), tested on {int(outcomes.where(split="test").sum()):,} (test);
SHA-256 of the data {outcomes.digest[:16]}…, seed {trained.seed}. Between-task deviation of a model's offset, from
leaving each large kind of task out: {trained.between_tasks**0.5:.2f} on the logit scale.

**Sources.** {"; ".join(LICENCES.values())}.
"""
    parts = [head, *(markdown(table) for table in tables), f"## Limits\n\n{LIMITS}\n"]
    return "\n".join(parts)


def markdown(table: Table) -> str:
    """Return a table as Markdown."""
    lines = [f"## {table.title}", "", _row(table.columns), _row(["---"] * len(table.columns)), *map(_row, table.rows)]
    return "\n".join(lines) + "\n"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
