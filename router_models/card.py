"""Write the model card from what was measured."""

import os
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from router_models.data import LICENCES, Outcomes
from router_models.evaluate import PROTOCOLS
from router_models.low_rank import Settings
from router_models.references_table import one_table
from router_models.report import Line, Part, Table, Verdict

CONDITIONS: Final = """\
- APGR, CPT and the pair of models are RouteLLM's (arXiv 2406.18665): GPT-4-1106 above, Mixtral-8x7B below; random is
  0.5. Intervals are 95 %, by 1,000 resamples of the groups of queries that ask the same; "better", "not inferior"
  (margin 0.01 APGR) and their opposites come from resampling a router and length together.
- A verdict is that of the figure, not of its interval: where the interval holds the goal, another sample might say
  otherwise.
- 5 folds keep groups whole and are drawn over all sources, so a fold's router has seen no query that asks the same.
  The fits' settings were chosen on one fold of MMLU, so R1 may flatter by some thousandths.
- How far an unlike text is moved to its ground was chosen on the very families that R5 leaves out, and how much labels
  near a request are believed on R12's, so R5 and R12 flatter by the choice among a handful of values each. That labels
  bend a line along what the model says was chosen by school maths left out of training.
- That the encoder looks among the known texts by its own vectors was taken up after a look at a fold of R1, a draw of
  R2, a part of R3 and two families of R5, which it orders by +0.015, +0.011, +0.003, -0.007 (GSM8K) and -0.001 (MMLU).
- The static table and the scaling of the encoder's pools were learned from all texts, tested ones too, without any
  outcome.
- R2 tests queries that share no group with the 1,500. A tenth of them goes into calibration, not into the fit.
- R3 holds out MMLU's subjects, with whatever shares a group with their questions in any source.
- R5 and R12 leave out families as the data's description draws them: MMLU with MMLU-Pro; the sets of school and
  competition maths; MT-Bench. The line "nor any other set with options" leaves out four more sets that ask in MMLU's
  form. MT-Bench has 72 queries: no claim rests on it alone.
- R6 expects of an answer's length a tier's mean over the train split, and nothing of the query. Its goal counts as
  reached only where the quality on test is 99 % of the strongest's as well, which λ that keeps it on valid may miss.
- R9 orders queries by P(strong right) · P(weak wrong), taken up after the gain had been tried on the same queries (with
  an earlier fit it missed the goal). "Rate" bounds the rate in the long run, "seen" the rate in the other half itself,
  which is what the goal counts; both are shown, and a share of 200 runs is uncertain by about 0.04.
- R11's times were taken with one BLAS thread (OPENBLAS_NUM_THREADS=1). With more, on a busy machine at lower priority,
  the static stage's median once was 20 ms.
- R10 takes its encoder's figures from 200 prompts, those of the other stages from 1,000.
- Slips of the pen are mended before a text is cut into pieces, in all fits and figures here.
- R12 takes a label to be both models' graded answers to one request; corrections are those of the gateway.
- "ensemble" is the best router of an earlier round on the same data: word pairs, MiniLM with a logistic head, and
  nearest neighbours, averaged by rank; its folds did not keep groups whole."""

LIMITS: Final = """\
- English only: the share of known words decides the familiarity, and a text in another language is mostly "unknown",
  which leaves the tier's prior.
- On a kind of task that was not in training no stage knows much more than the text's length (R5), so calibrate on own
  traffic, or send feedback, before trusting a tight quality bound.
- Models are compared by benchmark grading (right or wrong, or a task's metric) on public questions, some of which the
  models may have seen in training. Open-ended chat is represented by 80 queries and two models.
- An ability rests on the kinds of task in its `tasks`. On another kind its offset may be off by the between-task
  deviation, which its standard error contains.
- A policy's certificates rest on the references' graded answers to the test split, on which no weight and no map was
  fitted. So how well a policy keeps its promise must be judged on other queries than those; R9 judges the method.
- Nothing here was trained on several turns; familiarity falls by 5 % a further turn, a choice and no measurement."""


def model_card(
    outcomes: Outcomes, settings: Settings, seed: int, names: Sequence[str], found: Part, plots: Path
) -> str:
    """Return the card as Markdown; `names` are the protocols that were run."""
    left_out = [name for name in PROTOCOLS if name not in names]
    not_run = f"\n\nNot run here: {', '.join(left_out)}." if left_out else ""
    today = datetime.now(UTC).date().isoformat()
    head = f"""# Model card: the difficulty model

Written by `python -m router_models evaluate` on {today} ({os.cpu_count()} virtual cores).

**What it is.** A low-rank item-response model: a request has a position z ({settings.latent} numbers), and a reference
model answers acceptably with probability sigmoid(intercept + loadings · z). Three stages estimate z, each from more of
the text than the one before and in the same space: *folded* (words and shape), *static* (and the mean of a table of
token vectors), *encoder* (MiniLM). A text unlike those of training is moved to what its length alone says.
{len(outcomes.references)} reference models.

**Data.** {len(outcomes.queries):,} queries, {int(outcomes.seen.sum()):,} outcomes; SHA-256 {outcomes.digest[:16]}…,
seed {seed}, settings {", ".join(f"{name} {value:g}" for name, value in asdict(settings).items())}.

**Sources.** {"; ".join(LICENCES.values())}.

{summary(found.lines)}{not_run}
"""
    parts = [head, markdown(one_table(found.lines)), f"## Conditions\n\n{CONDITIONS}\n"]
    if found.drawings:
        drawn = (f"![{each.title}]({plots.name}/{each.name}.svg)" for each in found.drawings)
        parts.append("## Plots\n\n" + "\n".join(drawn) + "\n")
    return "\n".join([*parts, *map(markdown, found.tables), f"## Limits\n\n{LIMITS}\n"])


def summary(lines: Sequence[Line]) -> str:
    """Count what was reached, and name what was missed."""
    judged = [line for line in lines if line.verdict not in (Verdict.FOR_COMPARISON, Verdict.NOT_RUN)]
    reached = sum(line.verdict is not Verdict.MISSED for line in judged)
    missed = ", ".join(sorted({line.protocol for line in judged if line.verdict is Verdict.MISSED}, key=_number))
    more = f"Missed by at least one router: {missed}." if missed else "None is missed."
    return f"**Reached.** {reached} of {len(judged)} lines that have a goal reach it. {more}"


def markdown(table: Table) -> str:
    """Return a table as Markdown."""
    lines = [f"## {table.title}", "", _row(table.columns), _row(["---"] * len(table.columns)), *map(_row, table.rows)]
    return "\n".join(lines) + "\n"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _number(protocol: str) -> int:
    return int(protocol.removeprefix("R"))
