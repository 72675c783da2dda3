"""What a scrape reads of semantic hits: how each tenant's stand on each route, and how much is held."""

from collections import Counter

from gateway.adapters import metrics_semantic_names as names
from gateway.adapters.metrics import Metrics
from gateway.core.hit_proofs import HitProofs
from gateway.ports_semantic import SemanticIndex


def expose_semantic(metrics: Metrics, proofs: HitProofs, index: SemanticIndex) -> None:
    """Let a scrape read them."""
    metrics.read_from(names.SEMANTIC_LABELS, lambda: [(("right",), proofs.right), (("wrong",), proofs.wrong)])
    metrics.read_from(names.SEMANTIC_CLASSES, lambda: _standings(proofs).items())
    metrics.read_from(names.SEMANTIC_BREACHES, lambda: _breaches(proofs).items())
    metrics.read_from(names.SEMANTIC_ENTRIES, lambda: [((), int(index.stats()["entries"]))])
    metrics.read_from(names.SEMANTIC_INDEX, lambda: [((str(index.stats()["index"]),), 1)])
    metrics.read_from(names.SEMANTIC_SEARCHES, lambda: _searches(index).items())


def _searches(index: SemanticIndex) -> dict[tuple[str, ...], int]:
    """Count a server's searches by how they ended; none where this process searches its own memory."""
    stats = index.stats()
    searches, late, failed = (int(stats[name]) if "searches" in stats else 0 for name in ("searches", "late", "errors"))
    return {("in_time",): searches - late - failed, ("late",): late, ("failed",): failed}


def _standings(proofs: HitProofs) -> Counter[tuple[str, ...]]:
    return Counter((hit_class.route, proof.standing.value) for hit_class, proof in proofs.held.items())


def _breaches(proofs: HitProofs) -> Counter[tuple[str, ...]]:
    found: Counter[tuple[str, ...]] = Counter()
    for hit_class, proof in proofs.held.items():
        found[(hit_class.route,)] += proof.breaches
    return found
