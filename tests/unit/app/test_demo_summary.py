from gateway.app.demo_summary import busiest, summarise
from tests.support.demo_rows import a_hit, a_row

TIERS = ("nano", "small", "large")
ROWS = (
    a_row(),
    a_row(),
    a_row(tier="small", charge_usd_nano=5_000),
    a_hit(),
    a_row(tier="small", attempts=2, first_choice="nano", charge_usd_nano=4_000),
    a_row(tier="small", first_choice="nano", charge_usd_nano=4_000),
    a_row(status=503, tier=None, input_tokens=0, output_tokens=0, charge_usd_nano=0, baseline_usd_nano=0),
)


def test_shares_are_those_of_the_answers_that_were_computed() -> None:
    summary = summarise(ROWS, TIERS)
    assert [(total.tier, total.requests, total.share) for total in summary.tiers] == [
        ("nano", 2, 0.4),
        ("small", 3, 0.6),
        ("large", 0, 0.0),
    ]
    assert (summary.tiers[1].input_tokens, summary.tiers[1].output_tokens) == (120, 180)
    assert (summary.requests, summary.answered) == (7, 6)


def test_money_is_added_up_in_whole_nano_usd_cache_hits_included() -> None:
    summary = summarise(ROWS, TIERS)
    assert summary.charge_usd_nano == 15_000 == sum(total.charge_usd_nano for total in summary.tiers)
    assert summary.baseline_usd_nano == 54_000
    assert summary.saved_usd_nano == 39_000
    assert summary.saved_share == 39_000 / 54_000


def test_hits_fallbacks_and_detours_are_counted_apart() -> None:
    summary = summarise(ROWS, TIERS)
    assert (summary.cache_hits, summary.fallbacks, summary.rerouted) == (1, 1, 1)


def test_nothing_asked_is_nothing_saved() -> None:
    summary = summarise((), TIERS)
    assert (summary.requests, summary.saved_share, summary.tiers[0].share) == (0, 0.0, 0.0)


def test_the_busiest_server_is_never_the_top_tiers() -> None:
    rows = [a_row(tier="large"), a_row(tier="large"), a_row(tier="small"), a_hit(tier="nano"), a_hit(tier="nano")]
    assert busiest(rows, TIERS) == "small"


def test_of_equally_busy_servers_the_cheaper_is_taken() -> None:
    assert busiest([], TIERS) == "nano"
