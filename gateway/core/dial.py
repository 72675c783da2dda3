"""Set λ for a route.

As λ grows each request's choice moves to cheaper tiers only, so cost and the quality that the model expects fall; and
choices change at finitely many λ, so one λ from each stretch between them is as good as all.

`quality` takes the boldest λ that is certain to keep it: by graded answers for the kinds of task that have enough of
them (tried from λ = 0 upwards until the gate's bound fails for the first time), and by the model's interval for the
other kinds. A route whose tiers have no graded answers in common goes by the model's interval alone.

`budget` takes the least λ whose expected cost is no more than that share of always-strongest. With both, the bolder of
the two: λ keeps to the budget even where the quality is then no longer certain, since money is a limit and quality an
aim.
"""

from collections.abc import Callable, Sequence
from itertools import takewhile

from gateway.core.choices import Ramp, steps_between, switches_of
from gateway.core.expectation import Ground, expect, lay_ground, strongest_only
from gateway.domain.calibration import Catalogue
from gateway.domain.dial import Aim, Dial, SetBy, WhenUncertified
from gateway.domain.tier import Tier


def choose_dial(tiers: tuple[Tier, ...], aim: Aim, catalogue: Catalogue) -> Dial:
    """Choose λ for a route's tiers (in rank order) and say what it is expected to do.

    An explicit dial is taken as it is. A route that asks for nothing keeps to its strongest tier. Where a quality is
    not certain at any λ, `when_uncertified` decides: the strongest tier only, or the boldest λ up to which it is
    expected.
    """
    ground = lay_ground(tiers, aim, catalogue)
    if aim.dial is not None:
        return expect(ground, aim.dial, SetBy.DIAL)
    switches = switches_of(ground.rows)
    every = switches if ground.evidence is None else [*switches, *ground.evidence.switches]
    steps = steps_between(each.dial for each in every)
    kept = strongest_only(ground)
    if aim.quality is not None:
        unseen = Ramp(ground.rows, switches, ground.unseen_p)
        kept = _for_quality(ground, aim.quality, steps, unseen)
    if aim.budget is None or kept.cost_share <= aim.budget:
        return kept
    spent = Ramp(ground.rows, switches, lambda row, position: ground.rows[row].costs_usd_nano[position])
    most_usd_nano = aim.budget * ground.top_cost_usd_nano
    affordable = next((step for step in steps if spent.at(step) <= most_usd_nano), steps[-1])
    return expect(ground, affordable, SetBy.BUDGET)


def curve(tiers: tuple[Tier, ...], aim: Aim, catalogue: Catalogue, points: int) -> tuple[Dial, ...]:
    """Say what λ is expected to do as it grows, from 0 to where nothing changes any more, at so many points at most.

    The points lie evenly among the places where a choice changes, so that they are closest where most happens.
    """
    ground = lay_ground(tiers, aim, catalogue)
    steps = steps_between(each.dial for each in switches_of(ground.rows))
    last = len(steps) - 1
    chosen = sorted({round(last * at / max(1, points - 1)) for at in range(points)})
    return tuple(expect(ground, steps[at], SetBy.DIAL) for at in chosen)


def _for_quality(ground: Ground, quality: float, steps: Sequence[float], unseen: Ramp) -> Dial:
    """Return the boldest λ that is certain to keep the quality; without one, what `when_uncertified` says."""
    tried = steps
    if ground.evidence is not None:
        failing = ground.evidence.lost.first_above(ground.evidence.gate.allowance(quality) or 0.0)
        tried = [step for step in steps if step < failing]
    certain = _boldest(tried, lambda step: ground.unseen_low(step) >= quality)
    if certain is not None:
        dial = expect(ground, certain, SetBy.QUALITY)
        if dial.certified:
            return dial
    if ground.aim.when_uncertified is WhenUncertified.STRONGEST:
        return strongest_only(ground)
    likely = list(takewhile(lambda step: ground.quality(step, unseen.at(step)) >= quality, steps))
    return expect(ground, likely[-1], SetBy.QUALITY) if likely else strongest_only(ground)


def _boldest(steps: Sequence[float], is_enough: Callable[[float], bool]) -> float | None:
    """Bisect for the largest step that is enough; None when the first is not."""
    if not steps or not is_enough(steps[0]):
        return None
    reaching, failing = 0, len(steps)
    while failing - reaching > 1:
        middle = (reaching + failing) // 2
        if is_enough(steps[middle]):
            reaching = middle
        else:
            failing = middle
    return steps[reaching]
