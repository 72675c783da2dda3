"""The tables of figures: what was measured beside what is promised."""

from rich.console import Console
from rich.table import Table

from tests.sim.case import Ailment
from tests.sim.figures import hedging_table, outage_table
from tests.sim.hedge_figure import Hedging
from tests.sim.outage_figure import Outage, OutageFound

HEDGED = Hedging(
    seed=1,
    requests=1_000,
    sound_p50_s=0.4,
    sound_p99_s=0.8,
    bare_p99_s=5.3,
    p99_s=1.0,
    extra=0.015,
    sound_extra=0.01,
    stalls=10,
    felt=1,
)
REFUSED = OutageFound(
    Outage(Ailment.DOWN, 1, for_s=600.0, rate_per_s=200.0),
    requests=122_000,
    admitted=10_000,
    calls=10_400,
    hedges=100,
    full_after_s=3.25,
    herd=1.05,
)


def _written(table: Table) -> str:
    console = Console(width=140)
    with console.capture() as captured:
        console.print(table)
    return captured.get()


def test_hedging_is_told_by_its_median_and_range() -> None:
    worse = Hedging(2, 1_000, 0.4, 0.8, 5.3, 1.4, extra=0.03, sound_extra=0.01, stalls=10, felt=9)
    told = _written(hedging_table([HEDGED, worse, HEDGED]))
    assert "1.25 [1.25–1.75]" in told
    assert "10.00 [10.00–90.00]" in told
    assert (HEDGED.is_within, worse.is_within) == (True, False)


def test_an_outage_is_told_with_its_goals() -> None:
    told = _written(outage_table([REFUSED]))
    for part in ("1 of 2 tiers down", "122,000", "1.040", "1.00", "3.2", "≤ 35"):
        assert part in told
    assert REFUSED.is_within
    assert not OutageFound(REFUSED.outage, 122_000, 10_000, 10_400, 100, full_after_s=36.0, herd=1.05).is_within
