"""What the cache gave and saved, added up by tenant and route, and told to a scrape."""

from gateway.adapters.cache_figures import OTHER, ROWS_MAX, CacheFigures
from gateway.domain.ids import RouteName, TenantId
from tests.support.receipt_samples import a_receipt

ROUTE = RouteName("balanced")


def test_hits_save_what_their_answers_cost_before() -> None:
    figures = CacheFigures()
    hit = a_receipt(route=ROUTE, cache="exact", cache_saved_usd_nano=500, cache_saved_ms=1_500.0)
    for receipt in (a_receipt(route=ROUTE), hit, hit, a_receipt(route=ROUTE, cache="semantic", cache_saved_ms=1.0)):
        figures.record(receipt)
    figures.record(a_receipt(route=ROUTE, cache="exact", tenant=TenantId("other"), cache_saved_usd_nano=1))
    assert figures.documents() == [
        {
            "tenant": "other",
            "route": "balanced",
            "requests": {"exact": 1},
            "saved_tokens": 120,
            "saved_usd": "0.000000001",
            "saved_usd_nano": 1,
            "saved_s": 0.0,
        },
        {
            "tenant": "search",
            "route": "balanced",
            "requests": {"exact": 2, "miss": 1, "semantic": 1},
            "saved_tokens": 360,
            "saved_usd": "0.000001",
            "saved_usd_nano": 1_000,
            "saved_s": 3.001,
        },
    ]
    assert dict(figures.results()) == {
        ("balanced", "exact"): 3,
        ("balanced", "miss"): 1,
        ("balanced", "semantic"): 1,
    }
    saved = {kind: (each.tokens, each.usd_nano, each.ms) for (_, kind), each in figures.saved()}
    assert saved == {"exact": (360, 1_001, 3_000.0), "semantic": (120, 0, 1.0)}


def test_what_came_to_no_route_is_not_counted() -> None:
    figures = CacheFigures()
    figures.record(a_receipt(route=None))
    figures.record(a_receipt(route=ROUTE, tenant=None))
    assert figures.documents() == []


def test_names_beyond_the_bound_are_counted_together() -> None:
    figures = CacheFigures()
    for number in range(ROWS_MAX + 5):
        figures.record(a_receipt(route=ROUTE, tenant=TenantId(f"t{number}")))
    rows = figures.documents()
    assert len(rows) == ROWS_MAX + 1
    assert [row["requests"] for row in rows if row["tenant"] == OTHER] == [{"miss": 5}]
