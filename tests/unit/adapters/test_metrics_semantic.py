"""What a scrape reads of semantic hits."""

from collections.abc import Mapping

from gateway.adapters.memory_semantic import MemorySemanticIndex
from gateway.adapters.metrics import Metrics
from gateway.adapters.metrics_semantic import expose_semantic
from gateway.core.hit_proof import HitLabel, Terms
from gateway.core.hit_proofs import HitClass, HitProofs
from gateway.domain.ids import RouteName, TenantId
from gateway.domain.question import ScoreCounts
from gateway.domain.semantic import SemanticBar, SemanticEnd, SemanticEntry, SemanticFinding, SemanticScope
from tests.support.clocks import ManualClock
from tests.support.receipt_samples import a_receipt

TERMS = Terms(ScoreCounts((0.0, 0.9), (0, 1_000), (0, 5)), max_wrong=0.05)


def test_standings_breaches_labels_and_entries_are_told() -> None:
    metrics, clock = Metrics(), ManualClock()
    proofs, index = HitProofs(lambda hit_class, proof: None), MemorySemanticIndex(clock)
    expose_semantic(metrics, proofs, index)
    alice, bob = (HitClass(TenantId(name), RouteName("faq"), "v1") for name in ("alice", "bob"))
    for hit_class in (alice, bob):
        proofs.proof_of(hit_class, TERMS, 0.0)
    for _ in range(12):
        proofs.label(alice, HitLabel(0.95, is_wrong=True), 0.0)
    proofs.label(bob, HitLabel(0.95, is_wrong=False), 0.0)
    index.put(SemanticScope(alice.tenant, "0a"), SemanticEntry("0b", "When?", b"\x01", clock.wall_s(), 60.0))
    text = metrics.render()
    for line in (
        'tiergate_semantic_labels_total{answer="right",worker="0"} 1',
        'tiergate_semantic_labels_total{answer="wrong",worker="0"} 12',
        'tiergate_semantic_classes{route="faq",standing="exact_only",worker="0"} 1',
        'tiergate_semantic_classes{route="faq",standing="serving",worker="0"} 1',
        'tiergate_semantic_breaches{route="faq",worker="0"} 1',
        'tiergate_semantic_entries{worker="0"} 1',
        'tiergate_semantic_index{index="process",worker="0"} 1',
    ):
        assert line in text
    for outcome in ("in_time", "late", "failed"):
        assert f'tiergate_semantic_searches_total{{outcome="{outcome}",worker="0"}} 0' in text


class OnAServer(MemorySemanticIndex):
    """An index that a server was asked to search."""

    def stats(self) -> Mapping[str, int | str]:
        return {**super().stats(), "index": "redis-vset", "searches": 10, "late": 3, "errors": 2}


def test_searches_of_a_server_are_counted_by_how_they_ended() -> None:
    metrics = Metrics()
    expose_semantic(metrics, HitProofs(lambda hit_class, proof: None), OnAServer(ManualClock()))
    text = metrics.render()
    assert 'tiergate_semantic_index{index="redis-vset",worker="0"} 1' in text
    for outcome, count in (("in_time", 5), ("late", 3), ("failed", 2)):
        assert f'tiergate_semantic_searches_total{{outcome="{outcome}",worker="0"}} {count}' in text


def test_requests_are_counted_by_what_the_look_came_to() -> None:
    metrics = Metrics()
    metrics.record(a_receipt(semantic=SemanticFinding(SemanticEnd.BARRED, SemanticBar.VOLATILE)))
    metrics.record(a_receipt(semantic=SemanticFinding(SemanticEnd.HIT)))
    text = metrics.render()
    assert 'tiergate_semantic_requests_total{end="barred",bar="volatile",worker="0"} 1' in text
    assert 'tiergate_semantic_requests_total{end="hit",bar="",worker="0"} 1' in text
