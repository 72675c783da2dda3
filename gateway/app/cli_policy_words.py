"""Policies told: in a line, in tables, and as documents for scripts."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table

from gateway.app.cli_output import facts, table, title
from gateway.domain.ability import Z_95, Ability, acceptance, unknown_score
from gateway.domain.tier import NO_SLO, Tier
from gateway.policy import words
from gateway.policy.explain import Paragraph, certified, explain
from gateway.policy.facts import facts_of
from gateway.policy.objectives import beside, objective
from gateway.policy.problems import Problem
from gateway.policy.snapshot import PolicySnapshot, Route

Found = PolicySnapshot | list[Problem]

_NOTHING_KNOWN = unknown_score("none")


def summary(snapshot: PolicySnapshot) -> str:
    """Say in a line what a policy holds."""
    access = "open (no keys, loopback only)" if snapshot.is_open else _count(len(snapshot.keys), "key")
    parts = (
        _count(len(snapshot.tiers), "tier"),
        _count(sum(len(tier.endpoints) for tier in snapshot.tiers.values()), "endpoint"),
        _count(len(_named_routes(snapshot)), "route"),
        _count(len(snapshot.aliases), "model"),
        access,
    )
    return f"{', '.join(parts)}; snapshot {snapshot.id}"


def warnings_of(snapshot: PolicySnapshot) -> Iterator[str]:
    """Tell what is allowed and yet perhaps not meant."""
    for route in snapshot.routes.values():
        if _is_uncertified(route):
            yield f"route {route.name}: not certified: {certified(route).removeprefix('no: ')}"
        if route.budget_share is not None and route.dial.cost_share > route.budget_share:
            share, budget = words.percent(round(route.dial.cost_share, 4)), words.percent(route.budget_share)
            yield f"route {route.name}: over budget: it is expected to cost {share} of the strongest tier, not {budget}"
        yield from _mixed(route, snapshot)
    for tier in snapshot.tiers.values():
        if tier.slo != NO_SLO and not beside(tier, snapshot):
            yield f"tier {tier.name}: its objective moves nothing: no route has another tier beside it"
    used = {name for route in snapshot.routes.values() for name in route.tiers}
    for name in snapshot.tiers:
        if name not in used:
            yield f"tier {name}: no route and no model leads to it"
    reached = {target.route for target in snapshot.aliases.values()}
    for route in snapshot.routes.values():
        if route.name not in reached:
            yield f"route {route.name}: no model leads to it"


def _mixed(route: Route, snapshot: PolicySnapshot) -> Iterator[str]:
    """Tell of a route some of whose tiers were measured while others are compared: probes are a scale of their own."""
    measured = [name for name in route.tiers if snapshot.tiers[name].ability.calibration]
    compared = [name for name in route.tiers if snapshot.tiers[name].ability.reference]
    if measured and compared:
        yield (
            f"route {route.name}: {', '.join(measured)} measured by probes, {', '.join(compared)} by comparison: "
            "probes are a scale of their own, so calibrate all tiers of a route or none"
        )


def _is_uncertified(route: Route) -> bool:
    return route.quality is not None and len(route.tiers) > 1 and not route.dial.certified


def _named_routes(snapshot: PolicySnapshot) -> list[Route]:
    """Return the routes that the file declares; an alias of a tier has one of its own besides."""
    pinned = {target.route for target in snapshot.aliases.values() if target.tier is not None}
    return [route for route in snapshot.routes.values() if route.name not in pinned]


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def check_document(checked: Iterable[tuple[Path, Found]]) -> dict[str, object]:
    """Write what a check found as a document for scripts."""
    return {"object": "policy_check", "files": [_checked_file(file, found) for file, found in checked]}


def _checked_file(file: Path, found: Found) -> dict[str, object]:
    if not isinstance(found, list):
        return {"file": str(file), "snapshot": found.id, "problems": [], "warnings": list(warnings_of(found))}
    problems = [
        {
            "line": problem.line,
            "column": problem.column,
            "path": problem.path,
            "message": problem.message,
            "hint": problem.hint,
        }
        for problem in found
    ]
    return {"file": str(file), "snapshot": None, "problems": problems, "warnings": []}


def print_explained(console: Console, snapshot: PolicySnapshot, *, full: bool) -> None:
    """Print a policy: tiers and routes as tables, the rest in words; with `full`, every field of everything."""
    paragraphs = explain(snapshot)
    if full:
        _print_paragraphs(console, paragraphs)
        return
    by_title = {paragraph.title: paragraph for paragraph in paragraphs}
    _print_paragraphs(console, paragraphs[:1])
    console.print(_tier_table(snapshot.tiers.values()))
    console.print()
    objectives = tuple(
        (tier.name, told) for tier in snapshot.tiers.values() if (told := objective(tier, snapshot)) is not None
    )
    if objectives:
        _print_paragraphs(console, [Paragraph("objectives", objectives)])
    for route in _named_routes(snapshot):
        wanted = (
            "tiers",
            "quality",
            "budget",
            "λ",
            "expected shares",
            "expected quality",
            "expected cost",
            "certified",
        )
        lines = dict(by_title[f"route {route.name}"].lines)
        _print_paragraphs(
            console, [Paragraph(f"route {route.name}", tuple((name, lines[name]) for name in wanted if name in lines))]
        )
    rest = [paragraph for paragraph in paragraphs if paragraph.title.partition(" ")[0] in {"models", "tenant"}]
    _print_paragraphs(console, rest)
    console.print("Every field: --full", style="dim")


def _print_paragraphs(console: Console, paragraphs: Iterable[Paragraph]) -> None:
    for paragraph in paragraphs:
        console.print(title(paragraph.title))
        console.print(facts(paragraph.lines))
        console.print()


def _tier_table(tiers: Iterable[Tier]) -> Table:
    rows = table("tier", "model", "price", "taken for", "answers accepted", "90 % interval", "rests on")
    for tier in tiers:
        ability = tier.ability
        if ability.is_stated:
            low, high = _bounds(ability)
            told = (
                words.ability(ability),
                words.percent(round(ability.prior, 3)),
                f"{words.percent(round(low, 3))} – {words.percent(round(high, 3))}",
                ", ".join(ability.tasks),
            )
        else:
            told = (words.ability(ability), "–", "–", "–")
        rows.add_row(tier.name, tier.model, words.price(tier.price), *told)
    return rows


def _bounds(ability: Ability) -> tuple[float, float]:
    low, high = (acceptance(ability, _NOTHING_KNOWN, shift=sign * Z_95 * ability.standard_error) for sign in (-1, 1))
    return low, high


def explain_document(snapshot: PolicySnapshot) -> dict[str, object]:
    """Write a policy, and what is expected of it, as a document for scripts. Secrets are only said to be there."""
    return {
        "object": "policy_explanation",
        "snapshot": snapshot.id,
        "open": snapshot.is_open,
        "tiers": [_tier_document(tier) for tier in snapshot.tiers.values()],
        "routes": [_route_document(route) for route in snapshot.routes.values()],
        "warnings": list(warnings_of(snapshot)),
        "facts": facts_of(snapshot),
    }


def _tier_document(tier: Tier) -> dict[str, object]:
    ability = tier.ability
    low, high = _bounds(ability)
    return {
        "tier": tier.name,
        "model": tier.model,
        "price_usd_pico_per_token": {
            "input": tier.price.input_usd_pico,
            "cached_input": tier.price.cached_input_usd_pico,
            "cache_write": tier.price.cache_write_usd_pico,
            "output": tier.price.output_usd_pico,
        },
        "slo": {"ttft_p95_s": tier.slo.ttft_p95_s, "itl_p95_s": tier.slo.itl_p95_s},
        "ability": None
        if not ability.is_stated
        else {
            "like": ability.reference or None,
            "calibration": ability.calibration or None,
            "accepted": ability.prior,
            "accepted_low": low,
            "accepted_high": high,
            "tasks": list(ability.tasks),
        },
    }


def _route_document(route: Route) -> dict[str, object]:
    dial = route.dial
    return {
        "route": route.name,
        "tiers": list(route.tiers),
        "quality": route.quality,
        "budget_share": route.budget_share,
        "when_uncertified": route.when_uncertified.value,
        "when_unknown": route.when_unknown.value,
        "dial": dial.value,
        "set_by": dial.set_by.value,
        "certified": dial.certified,
        "certificate": dial.certificate.value,
        "strongest_only": dial.strongest_only,
        "shares": dict(zip(route.tiers, dial.shares, strict=True)),
        "expected_quality": dial.quality,
        "expected_quality_low": dial.quality_low,
        "expected_cost_share": dial.cost_share,
        "graded": None
        if dial.graded is None
        else {
            "requests": dial.graded.requests,
            "tasks": list(dial.graded.tasks),
            "quality_low": dial.graded.quality_low,
        },
    }
