"""How things stand now: the figures at the top of the page, tiers, model servers, cache and budgets."""

import statistics
from collections.abc import Iterator
from itertools import islice
from typing import Final

from gateway.app.console import words
from gateway.app.console.diary import Diary, per_second
from gateway.app.console.markup import Markup, join, tag
from gateway.app.console.sources import Sources
from gateway.app.console.table import bar, cell, empty, number, row, state
from gateway.core.endpoint_state import EndpointState
from gateway.core.tier_slo import TierSlo
from gateway.domain.outcome import Outcome
from gateway.domain.tier import NO_SLO, Tier
from gateway.policy.facts import tenants_of
from gateway.policy.words import duration

_OF_LATE: Final = 200
WORDS: Final = {
    "healthy": ("good", "serves"),
    "ramping": ("fair", "is given more and more"),
    "probing": ("fair", "is asked for single tokens"),
    "busy": ("fair", "asked to be left alone"),
    "gray": ("fair", "much slower than its peers"),
    "ejected": ("poor", "given up for now"),
}


def figures(sources: Sources) -> Markup:
    """Write the six figures of the top."""
    total, wall_s = sources.diary.total, sources.world.clock.wall_s()
    rate = per_second(sources.diary, wall_s)
    hits = {"exact": Outcome.SUCCESS_CACHE_EXACT, "shared": Outcome.SUCCESS_CACHE_COALESCED}
    told = ", ".join(f"{total.by_hit[outcome]:,} {name}" for name, outcome in hits.items())
    told += f", {total.by_hit[Outcome.SUCCESS_CACHE_SEMANTIC]:,} in other words"
    own = own_ms(sources.diary)
    saved = total.saved_usd_nano
    return join(
        _figure(
            "Requests", f"{total.requests:,}", f"{rate:.1f} a second, {sources.world.admission.in_flight} under way"
        ),
        _figure(
            "Charged", words.usd(total.charge_usd_nano), f"{words.usd(total.baseline_usd_nano)} at the strongest tier"
        ),
        _figure("Saved", words.share(saved, total.baseline_usd_nano), f"{words.usd(saved)}, an estimate"),
        _figure("From the cache", words.share(total.by_hit.total(), total.requests), told),
        _figure(
            "Not answered",
            f"{total.unanswered.total():,}",
            f"{total.refused:,} for the caller's limits or faults, {total.failed:,} failed",
        ),
        _figure(
            "Own time, median",
            words.DASH if own is None else f"{own[0]:.2f} ms",
            "none yet" if own is None else f"the slowest of the last {own[2]:,}: {own[1]:.2f} ms",
        ),
    )


def own_ms(diary: Diary) -> tuple[float, float, int] | None:
    """Return the median and the most of what the gateway itself took for the last requests, and how many those are."""
    last = [
        max(0.0, each.times.end_ms - each.external_ms)
        for each in islice(reversed(diary.receipts), _OF_LATE)
        if each.tier
    ]
    return (statistics.median(last), max(last), len(last)) if last else None


def _figure(name: str, value: str, beside: str) -> Markup:
    return tag("div", tag("dt", name), tag("dd", value), tag("dd", beside, class_="beside"), class_="figure")


def tiers(sources: Sources) -> Markup:
    """Write a row for each tier: its share, its money, how it keeps its objective."""
    snapshot, world, total = sources.policy.snapshot, sources.world, sources.diary.total
    now_s = world.clock.now_s()
    shifted = world.slos.shifted(snapshot.tiers, now_s)
    return join(
        row(
            cell(tag("b", tier.name), tag("span", tier.model, class_="beside")),
            number(
                bar(total.by_tier[tier.name], total.answered), words.share(total.by_tier[tier.name], total.answered)
            ),
            number(f"{total.by_tier[tier.name]:,}"),
            number(words.usd(total.charge_by_tier[tier.name])),
            *_latency(tier, world.slos.tier(tier.name), now_s),
            _objective_state(tier, world.slos.tier(tier.name), shifted.get(tier.name, 0.0), now_s),
        )
        for tier in snapshot.tiers.values()
    )


def _latency(tier: Tier, known: TierSlo, now_s: float) -> Iterator[Markup]:
    known.window.expire(now_s)
    for read_s, objective_s, burn in (
        (known.window.ttft_s, tier.slo.ttft_p95_s, known.ttft),
        (known.window.itl_s, tier.slo.itl_p95_s, known.itl),
    ):
        seen = f"{words.span(read_s(0.5))} / {words.span(read_s(0.95))}"
        if objective_s is None:
            yield number(seen)
        else:
            short, long = burn.rates(now_s)
            kept = f"P95 ≤ {duration(objective_s)}, burns {short:.1f} × / {long:.1f} ×"
            yield number(seen, tag("span", kept, class_="beside"))


def _objective_state(tier: Tier, known: TierSlo, moved: float, now_s: float) -> Markup:
    if tier.slo == NO_SLO:
        return state("none", "no objective")
    if moved:
        return state("poor", f"misses it: {words.share(moved, 1.0)} goes elsewhere")
    if not known.ttft.total + known.itl.total:
        return state("none", "no stream yet")
    if max(known.ttft.rates(now_s)[0], known.itl.rates(now_s)[0]) > 1.0:
        return state("fair", "misses it more than it may")
    return state("good", "keeps its objective")


def endpoints(sources: Sources) -> Markup:
    """Write a row for each model server: whether it is given requests, and how busy it is."""
    table, now_s = sources.world.endpoints, sources.world.clock.now_s()
    return join(
        _endpoint(tier, table.state(endpoint), now_s)
        for tier in sources.policy.snapshot.tiers.values()
        for endpoint in tier.endpoints
    )


def _endpoint(tier: Tier, known: EndpointState, now_s: float) -> Markup:
    load = known.load(now_s)
    said = words.DASH if load is None else f"{load.running} run, {load.waiting} wait"
    if load is not None and load.kv_usage is not None:
        said += f", cache {words.share(load.kv_usage, 1.0)}"
    given_up = {cause: times for cause, times in known.breaker.ejected.items() if times}
    causes = ", ".join(f"{cause} {times}" for cause, times in given_up.items())
    most = known.most(tier.limits.in_flight)
    return row(
        cell(tag("b", tier.name), tag("span", known.endpoint.base_url, class_="beside")),
        state(*WORDS[known.standing(now_s)]),
        number(bar(known.in_flight, most), f"{known.in_flight:,} / {most:,}"),
        number(f"{known.score:.2f} ×"),
        number(said),
        number(f"{sum(given_up.values()):,}", tag("span", causes, class_="beside")),
    )


def cache(sources: Sources) -> Markup:
    """Write a row for each route: what the cache gave and spared, and what may be wrong of it."""
    given: dict[str, dict[str, int]] = {}
    for (route, result), times in sources.cache.results():
        given.setdefault(route, {})[result] = times
    spared: dict[str, int] = {}
    for (route, _), saved in sources.cache.saved():
        spared[route] = spared.get(route, 0) + saved.usd_nano
    if not given:
        return empty(6, "No request has come as far as the cache yet.")
    return join(
        row(
            cell(tag("b", route)),
            *(number(f"{results.get(kind, 0):,}") for kind in ("exact", "coalesced", "semantic", "miss")),
            number(words.usd(spared.get(route, 0))),
        )
        for route, results in sorted(given.items())
    )


def proofs(sources: Sources) -> Markup:
    """Write a row for each class of hits in other words: the bound, the comparisons, and whether any are given."""
    held, routes = sources.world.semantic.proofs.held, sources.policy.snapshot.routes
    if not held:
        on = any(route.semantic is not None for route in routes.values())
        said = "Nothing was compared yet." if on else "No route gives answers to the same question in other words."
        return empty(5, said)
    return join(
        row(
            cell(tag("b", kind.route), tag("span", f"of {kind.tenant}", class_="beside")),
            number(_bound(sources, kind.route)),
            number(words.DASH if proof.threshold is None else f"{proof.threshold:.3f}"),
            number(f"{sum(proof.labels.wrong):,} of {sum(proof.labels.wrong) + sum(proof.labels.right):,}"),
            state("good", "gives them") if proof.threshold is not None else state("fair", "gives none"),
        )
        for kind, proof in held.items()
    )


def _bound(sources: Sources, route_name: str) -> str:
    for route in sources.policy.snapshot.routes.values():
        if route.name == route_name and route.semantic is not None:
            return f"≤ {words.share(route.semantic.max_wrong, 1.0)}"
    return words.DASH


def budgets(sources: Sources) -> Markup:
    """Write a row for each tenant with a budget: what is left of it, as of its last request."""
    rows = []
    for tenant, _ in tenants_of(sources.policy.snapshot):
        budget_usd_nano = tenant.allowance.budget_usd_nano
        if budget_usd_nano is None:
            continue
        seen = sources.ledger.left.get(tenant.id)
        window = f"{words.usd(budget_usd_nano)} a {duration(tenant.allowance.budget_window_s).removeprefix('1 ')}"
        left = (
            (words.DASH, tag("span", "no request yet", class_="beside"))
            if seen is None
            else (
                bar(seen.left_usd_nano, seen.budget_usd_nano),
                f"{words.usd(seen.left_usd_nano)} ({words.share(seen.left_usd_nano, seen.budget_usd_nano)})",
            )
        )
        rows.append(row(cell(tag("b", tenant.id)), number(window), number(*left)))
    return join(rows) if rows else empty(3, "No tenant has a budget.")
