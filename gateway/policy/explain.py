"""A compiled policy in words: what each tier is taken for, and what each route is expected to do and why."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from gateway.domain.ability import Z_95, acceptance, unknown_score
from gateway.domain.dial import Certificate, Dial, SetBy
from gateway.domain.tier import Tier
from gateway.policy import words
from gateway.policy.facts import (
    batch_facts,
    classifier_facts,
    lane_facts,
    limit_facts,
    route_facts,
    stands_for,
    tenant_facts,
    tenants_of,
    tier_facts,
)
from gateway.policy.objectives import objective
from gateway.policy.snapshot import PolicySnapshot, Route


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A subject, such as `tier small`, and what there is to say: pairs of a field and its value, in words."""

    title: str
    lines: tuple[tuple[str, str], ...]


def explain(snapshot: PolicySnapshot) -> list[Paragraph]:
    """Return a snapshot in words, in the order of a policy file."""
    return [
        Paragraph(f"policy {snapshot.id}", tuple(_policy(snapshot))),
        *(Paragraph(f"tier {tier.name}", tuple(_tier(tier, snapshot))) for tier in snapshot.tiers.values()),
        Paragraph("models", tuple((alias, stands_for(target)) for alias, target in snapshot.aliases.items())),
        *(Paragraph(f"route {route.name}", tuple(_route(route))) for route in snapshot.routes.values()),
        *(
            Paragraph(f"tenant {tenant.id}", (("keys", keys), *tenant_facts(tenant)))
            for tenant, keys in tenants_of(snapshot)
        ),
        Paragraph("classifier", tuple(classifier_facts(snapshot.classifier))),
        Paragraph("limits", tuple(limit_facts(snapshot.limits))),
        Paragraph("batch", tuple(batch_facts(snapshot.batch.terms))),
    ]


def explained_text(snapshot: PolicySnapshot) -> str:
    """Return the explanation as plain text."""
    blocks = []
    for paragraph in explain(snapshot):
        width = max(len(field) for field, _ in paragraph.lines)
        lines = (f"  {field.ljust(width)}  {value}" for field, value in paragraph.lines)
        blocks.append("\n".join((paragraph.title, *lines)))
    return "\n\n".join(blocks) + "\n"


def _policy(snapshot: PolicySnapshot) -> Iterator[tuple[str, str]]:
    if snapshot.is_open:
        yield "access", "open: no key is needed, and the gateway listens on this machine only"
    else:
        yield "access", f"{len(snapshot.keys)} keys of {len(tenants_of(snapshot))} tenants"
    kept = snapshot.receipts
    yield "receipts", f"the last {kept.kept:,} of each worker, for {words.duration(kept.ttl_s)}"
    whose = "of all tenants moves" if snapshot.feedback.shared else "of a tenant moves its own"
    yield "feedback", f"what is said {whose} decisions"


def _tier(tier: Tier, snapshot: PolicySnapshot) -> Iterator[tuple[str, str]]:
    for field, value in tier_facts(tier):
        yield field, value
        if field == "ability" and tier.ability.is_stated:
            yield from _ability(tier)
    yield from lane_facts(tier, snapshot.batch)
    held = objective(tier, snapshot)
    if held is not None:
        yield "objective", held


def _ability(tier: Tier) -> Iterator[tuple[str, str]]:
    ability, nothing = tier.ability, unknown_score("none")
    low, high = (acceptance(ability, nothing, shift=sign * Z_95 * ability.standard_error) for sign in (-1, 1))
    yield (
        "answers accepted",
        f"{words.percent(ability.prior)} of the calibration requests, 90 % interval "
        f"{words.percent(low)} to {words.percent(high)}",
    )
    yield "rests on", ", ".join(ability.tasks) or "no kind of task by name"


def _route(route: Route) -> Iterator[tuple[str, str]]:
    facts = dict(route_facts(route))
    yield "tiers", facts.pop("tiers")
    if len(route.tiers) > 1:
        dial = route.dial
        yield "λ", f"{facts.pop('dial')}, set by {_SET_BY[dial.set_by]}"
        shares = (
            f"{tier} {words.percent(round(share, 4))}" for tier, share in zip(route.tiers, dial.shares, strict=True)
        )
        yield "expected shares", ", ".join(shares)
        yield "expected quality", f"{words.percent(round(dial.quality, 4))} of the strongest tier's; {_bound(dial)}"
        yield "expected cost", _cost(route)
        yield "certified", certified(route)
    yield from facts.items()


_SET_BY: Final = {
    SetBy.QUALITY: "the quality asked for",
    SetBy.BUDGET: "the budget",
    SetBy.DIAL: "the policy",
    SetBy.NOTHING: "nothing: the strongest able tier is used",
}


def _bound(dial: Dial) -> str:
    """Say how sure the expected quality is, and what that rests on."""
    if dial.strongest_only:
        return "it is the strongest tier"
    sure = f"at least {words.percent(round(dial.quality_low, 4))} with 95 % confidence"
    if dial.graded is None:
        return f"{sure}, by the difficulty model's own interval"
    graded = (
        f"{dial.graded.requests:,} graded requests say at least {words.percent(round(dial.graded.quality_low, 4))} "
        f"for {', '.join(dial.graded.tasks)}"
    )
    return f"{sure}: {graded}, the difficulty model speaks for other kinds of task"


def _cost(route: Route) -> str:
    """Say what a route costs, and whether that keeps to its budget."""
    share, budget = route.dial.cost_share, route.budget_share
    told = f"{words.percent(round(share, 4))} of always using the strongest tier"
    if budget is None:
        return told
    if share > budget:
        return f"{told}; no λ keeps to the budget of {words.percent(budget)}, this one comes nearest"
    return f"{told}, within the budget of {words.percent(budget)}"


_RESTS_ON: Final = {
    Certificate.OUTCOMES: "by graded answers of the models that the tiers are like",
    Certificate.MIXED: "by graded answers where there are any, else by the difficulty model's own interval",
    Certificate.MODEL: "by the difficulty model's own interval, since graded answers are missing or too few",
    Certificate.TRIVIAL: "no tier is cheaper than the strongest, so there is nothing to lose",
}


def certified(route: Route) -> str:
    """Say whether the quality asked for can be relied on, why, and what follows."""
    dial = route.dial
    if route.quality is None:
        return f"no: {'a budget' if route.budget_share is not None else 'an explicit dial'} asks for no quality"
    asked, low = words.percent(route.quality), words.percent(round(dial.quality_low, 4))
    if dial.certified:
        return f"{dial.certificate}: {low} reaches the {asked} asked for, {_RESTS_ON[dial.certificate]}"
    if dial.strongest_only:
        return f"no: no λ is sure to keep the {asked} asked for, so the strongest able tier is used"
    if dial.set_by is SetBy.BUDGET:
        return f"no: {low} does not reach the {asked} asked for, and the budget allows no more"
    return f"no: {low} does not reach the {asked} asked for; the route comes as near as it can"
