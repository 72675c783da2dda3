"""A compiled policy in words: what each tier is taken for, and what each route is expected to do and why."""

from collections.abc import Iterator
from dataclasses import dataclass

from gateway.domain.ability import Z_95, acceptance, unknown_score
from gateway.domain.dial import WhenUncertified
from gateway.domain.tier import Tier
from gateway.policy import words
from gateway.policy.facts import (
    classifier_facts,
    limit_facts,
    route_facts,
    stands_for,
    tenant_facts,
    tenants_of,
    tier_facts,
)
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
        *(Paragraph(f"tier {tier.name}", tuple(_tier(tier))) for tier in snapshot.tiers.values()),
        Paragraph("models", tuple((alias, stands_for(target)) for alias, target in snapshot.aliases.items())),
        *(Paragraph(f"route {route.name}", tuple(_route(route))) for route in snapshot.routes.values()),
        *(
            Paragraph(f"tenant {tenant.id}", (("keys", str(keys)), *tenant_facts(tenant)))
            for tenant, keys in tenants_of(snapshot)
        ),
        Paragraph("classifier", tuple(classifier_facts(snapshot.classifier))),
        Paragraph("limits", tuple(limit_facts(snapshot.limits))),
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
    yield "receipts", f"the last {snapshot.receipts_kept:,} of each worker"
    whose = "of all tenants moves" if snapshot.feedback.shared else "of a tenant moves its own"
    yield "feedback", f"what is said {whose} decisions"


def _tier(tier: Tier) -> Iterator[tuple[str, str]]:
    for field, value in tier_facts(tier):
        yield field, value
        if field == "ability" and tier.ability.reference:
            yield from _ability(tier)


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
        yield "λ", facts.pop("dial")
        shares = (f"{tier} {words.percent(share)}" for tier, share in zip(route.tiers, dial.shares, strict=True))
        yield "expected shares", ", ".join(shares)
        yield (
            "expected quality",
            f"{words.percent(dial.quality)} of the strongest tier's, "
            f"at least {words.percent(dial.quality_low)} with 95 % confidence",
        )
        yield "expected cost", f"{words.percent(dial.cost_share)} of always using the strongest tier"
        yield "certified", _certified(route)
    yield from facts.items()


def _certified(route: Route) -> str:
    """Say whether the quality asked for can be relied on, why, and what follows."""
    if route.quality is None:
        return "no: an explicit dial asks for no quality"
    asked, low = words.percent(route.quality), words.percent(route.dial.quality_low)
    if route.dial.certified:
        return f"yes: {low} reaches the {asked} asked for"
    if route.when_uncertified is WhenUncertified.STRONGEST:
        return f"no: {low} does not reach the {asked} asked for, so the strongest able tier is used"
    return f"no: {low} does not reach the {asked} asked for; the route comes as near as it can"
