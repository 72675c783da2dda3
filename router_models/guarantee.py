"""The protocol for the guarantee: does a certified two-tier router keep its promise on queries it was not set on?

Queries are split in halves at random, again and again. On the calibration half the share of traffic sent to the weak
model is raised in fixed steps, in the order of a score; at each step the queries sent there are those of which the
violations (weak wrong and strong right, or weak wrong) are counted, and the first share at which a bound fails ends the
search. The threshold so found is applied to the test half, whose violation rate among what is sent to weak is compared
with α. The steps are fixed before any outcome is looked at, so this is fixed-sequence testing (`gateway.core.gate`).

Two bounds. `RATE` is Clopper and Pearson's, for the rate that the threshold has in the long run: it is exceeded in at
most δ of the runs. The rate seen in a test half scatters around that one, so more than δ of the halves exceed α, even
where every certificate is right. `SEEN` bounds the rate in the test half itself: given how many violations both halves
together have, those of the calibration half are a hypergeometric sample (the halves are drawn at random), so a test
half above α is at most as likely as that sample is small. A share of runs scatters, too: by 0.02 around 0.1 in 200.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gateway.core.gate import binomial_cdf
from router_models.scientific import Doubles, log_choose

FIRST_SHARE: Final = 0.10
"""Below this share a half holds too few queries for any bound, and the search would end before it began."""
STEPS: Final = 90
"""Of one percent each, up to everything."""


class Bound(Enum):
    """What must stay below α with probability 1 − δ."""

    RATE = "rate"
    SEEN = "seen"


@dataclass(frozen=True, slots=True)
class Guarantee:
    """What came of the runs. Shares and rates are 0..1.

    `exceeded` is the share of runs whose test half has a violation rate above α, `share` the mean share of traffic sent
    to weak, `violation` the mean violation rate among it (both over the test halves), `feasible` the share of runs in
    which anything was sent to weak at all. `base_rate` is the violation rate when everything is.
    """

    alpha: float
    delta: float
    bound: Bound
    runs: int
    exceeded: float
    share: float
    violation: float
    feasible: float
    base_rate: float


def violations(weak: Doubles, strong: Doubles, *, relative: bool = True, right_from: float = 0.5) -> NDArray[np.bool_]:
    """Return for each query whether sending it to weak is a violation; a score from `right_from` on counts as right.

    `relative`: only where the strong model is right, since otherwise nothing was lost.
    """
    wrong = weak < right_from
    return wrong & (strong >= right_from) if relative else wrong


def guarantee(
    need: Doubles,
    violated: NDArray[np.bool_],
    alpha: float,
    *,
    delta: float = 0.1,
    bound: Bound = Bound.RATE,
    runs: int = 200,
    seed: int = 0,
) -> Guarantee:
    """Run the protocol. `need` is the score by which queries go to strong: those with the least go to weak first.

    All queries should have been scored by a model that was not fitted on them.
    The chance of the violation itself, P(strong right)·P(weak wrong), orders them best: the gain is just as small where
    both are right as where neither is, or where the two are even.
    """
    chance = np.random.default_rng(seed)
    shares, rates = np.zeros(runs), np.zeros(runs)
    for run in range(runs):
        order = chance.permutation(len(need))
        calibration, test = order[: len(order) // 2], order[len(order) // 2 :]
        threshold = _threshold(need[calibration], violated[calibration], need[test], alpha, delta, bound)
        sent = need[test] <= threshold
        shares[run] = sent.mean()
        rates[run] = violated[test][sent].mean() if sent.any() else 0.0
    sending = shares > 0
    return Guarantee(
        alpha=alpha,
        delta=delta,
        bound=bound,
        runs=runs,
        exceeded=float((rates > alpha).mean()),
        share=float(shares.mean()),
        violation=float(rates[sending].mean()) if sending.any() else 0.0,
        feasible=float(sending.mean()),
        base_rate=float(violated.mean()),
    )


def _threshold(
    need: Doubles, violated: NDArray[np.bool_], test_need: Doubles, alpha: float, delta: float, bound: Bound
) -> float:
    """Return the highest score that may go to weak; minus infinity when none may."""
    ordered = np.sort(need)
    highest = -np.inf
    for share in np.linspace(FIRST_SHARE, 1.0, STEPS + 1):
        candidate = ordered[max(0, int(np.ceil(share * len(ordered))) - 1)]
        sent = need <= candidate
        count, lost = int(sent.sum()), int(violated[sent].sum())
        if bound is Bound.RATE:
            # The same as clopper_pearson(lost, count, delta) <= alpha, without the search for the bound itself.
            is_safe = binomial_cdf(lost, count, alpha) <= delta
        else:
            is_safe = _seen_p_value(lost, count, int((test_need <= candidate).sum()), alpha) <= delta
        if not is_safe:
            break
        highest = float(candidate)
    return float(highest)


def _seen_p_value(lost: int, sent: int, test_sent: int, alpha: float) -> float:
    """Return how likely so few violations here are, were there just enough in the test half to exceed α."""
    too_many = int(np.floor(alpha * test_sent)) + 1
    if too_many > test_sent:
        return 0.0
    return hypergeometric_cdf(lost, sent + test_sent, lost + too_many, sent)


def hypergeometric_cdf(found: int, items: int, marked: int, drawn: int) -> float:
    """Return P(at most `found` of the `marked` items are among the `drawn` ones)."""
    counts = np.arange(max(0, drawn + marked - items), found + 1, dtype=np.float64)
    ways = log_choose(marked, counts) + log_choose(items - marked, drawn - counts)
    return float(min(1.0, np.exp(ways - log_choose(items, np.array(float(drawn)))).sum()))
