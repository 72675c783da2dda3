"""How things stand now, from a gateway in memory."""

import pytest

from gateway.app.console import now_view
from gateway.app.console.page import status_line
from gateway.core.breaker import Failure
from gateway.core.endpoint_state import STANDINGS
from gateway.core.hit_proof import HitLabel, Terms
from gateway.core.hit_proofs import HitClass
from gateway.domain.ids import RouteName, TenantId, TierName
from gateway.domain.load import ServerLoad
from gateway.domain.outcome import Outcome
from gateway.policy.source import PolicySource
from tests.support.clocks import ManualClock
from tests.support.consoles import Console
from tests.support.gateways import CHAT, KEYED, STREAM, TEAM_KEY, TWO_TIERS
from tests.support.receipt_samples import a_receipt
from tests.support.semantic import COUNTS, Semantic

WITH_SLO = KEYED.replace("context: 32k", "context: 32k\n    slo: {ttft_p95: 50ms, itl_p95: 20ms}")


async def asked(console: Console) -> Console:
    """Ask once, and again; then let the console see it."""
    await console.gateway.ask(CHAT, key=TEAM_KEY)
    await console.gateway.ask(CHAT, key=TEAM_KEY)
    console.sources.drain()
    return console


async def test_the_figures_of_a_gateway_that_was_asked_nothing_are_nothing() -> None:
    told = now_view.figures(Console().sources)
    assert told.count('class="figure"') == 6
    assert "0 for the caller&#x27;s limits or faults, 0 failed" in told
    assert "none yet" in told


async def test_the_figures_sum_what_happened() -> None:
    console = await asked(Console())
    console.diary.record(a_receipt(outcome=Outcome.SHED, charge_usd_nano=0, baseline_usd_nano=0))
    told = now_view.figures(console.sources)
    assert "<dt>Requests</dt><dd>3</dd>" in told
    assert "<dt>From the cache</dt><dd>33 %</dd>" in told
    assert "1 exact, 0 shared, 0 in other words" in told
    assert "0 for the caller&#x27;s limits or faults, 1 failed" in told


async def test_own_time_is_of_requests_that_a_tier_answered() -> None:
    console = Console()
    assert now_view.own_ms(console.diary) is None
    for external_ms in (90.0, 89.25, 95.0):
        console.diary.record(a_receipt(external_ms=external_ms))
    console.diary.record(a_receipt(tier=None, external_ms=0.0))
    assert now_view.own_ms(console.diary) == (0.25, 1.0, 3)


async def test_a_tier_is_told_with_its_share_and_money() -> None:
    console = await asked(Console())
    told = now_view.tiers(console.sources)
    assert "<b>small</b>" in told
    assert "50 %" in told
    assert "no objective" in told


async def test_a_tier_with_an_objective_says_how_it_keeps_it() -> None:
    console = Console(WITH_SLO)
    world = console.gateway.world
    tier = world.policy.snapshot.tiers[TierName("small")]
    assert "no stream yet" in now_view.tiers(console.sources)
    world.slos.first_content(tier, 10, 0.01, world.clock.now_s())
    kept = now_view.tiers(console.sources)
    assert "keeps its objective" in kept
    assert "P95 ≤ 50 ms, burns 0.0 × / 0.0 ×" in kept
    world.slos.first_content(tier, 10, 0.5, world.clock.now_s())
    assert "misses it more than it may" in now_view.tiers(console.sources)
    for _ in range(20):
        world.slos.first_content(tier, 10, 0.5, world.clock.now_s())
    console.gateway.clock.advance(11.0)
    assert "misses it: 10 % goes elsewhere" in now_view.tiers(console.sources)


async def test_a_model_server_says_how_it_stands() -> None:
    console = Console()
    world = console.gateway.world
    first, second = (
        world.endpoints.state(endpoint) for endpoint in world.policy.snapshot.tiers[TierName("small")].endpoints
    )
    now_s = world.clock.now_s()
    first.note_load(ServerLoad(2, 3, 0.5), now_s)
    second.note_load(ServerLoad(1, 0, None), now_s)
    second.mark_busy(now_s + 5.0)
    second.breaker.ejected[Failure.SLOW] += 2
    told = now_view.endpoints(console.sources)
    assert "2 run, 3 wait, cache 50 %" in told
    assert "1 run, 0 wait<" in told
    assert "asked to be left alone" in told
    assert '2<span class="beside">slow 2</span>' in told
    assert told.count("serves") == 2


def test_every_standing_has_words() -> None:
    assert now_view.WORDS.keys() == set(STANDINGS)


async def test_the_cache_is_told_by_route() -> None:
    console = Console()
    assert "No request has come as far" in now_view.cache(console.sources)
    told = now_view.cache((await asked(console)).sources)
    assert '<b>balanced</b></td><td class="number">1</td>' in told


def test_what_other_words_may_get_wrong_is_told_where_they_are_answered() -> None:
    assert "No route gives answers" in now_view.proofs(Console().sources)
    semantic = Semantic()
    policy = KEYED.replace("cache: {exact: 1h,", "cache: {exact: 1h, semantic: {max_wrong: 5%},")
    console = Console(policy, semantic=semantic.parts, clock=semantic.clock)
    assert "Nothing was compared yet." in now_view.proofs(console.sources)
    proofs, wall_s = semantic.parts.proofs, semantic.clock.wall_s()
    for route in ("balanced", "gone"):
        hit_class = HitClass(TenantId("team"), RouteName(route), "told 1")
        proofs.proof_of(hit_class, Terms(COUNTS, 0.05), wall_s)
    for _ in range(12):
        proofs.label(HitClass(TenantId("team"), RouteName("gone"), "told 1"), HitLabel(1.0, is_wrong=True), wall_s)
    told = now_view.proofs(console.sources)
    assert "≤ 5.0 %" in told
    assert "0 of 0" in told
    assert "gives them" in told
    assert "gives none" in told


async def test_a_budget_is_told_with_what_is_left_of_it() -> None:
    assert "No tenant has a budget" in now_view.budgets(Console(TWO_TIERS).sources)
    console = Console()
    assert "no request yet" in now_view.budgets(console.sources)
    await console.gateway.ask(STREAM, key=TEAM_KEY)
    told = now_view.budgets(console.sources)
    assert "$1.00 a d" in told
    assert "$0.9" in told


@pytest.mark.parametrize("leaving", [False, True])
async def test_the_head_says_what_is_wrong(leaving: bool) -> None:
    console = Console(clock=ManualClock())
    console.gateway.clock.advance(65.0)
    if leaving:
        console.gateway.world.admission.resign()
        console.policy.offer(PolicySource("policies/p.yaml", "version: 2\n"))
    told = status_line(console.sources)
    assert "up 1 min 5 s" in told
    assert ("shutting down" in told, "was not taken" in told) == (leaving, leaving)
