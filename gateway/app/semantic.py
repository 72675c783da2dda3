"""Put together what semantic hits need: the judge of each difficulty model, the index, and the proofs."""

import logging
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from gateway.adapters.artefact import Artefact
from gateway.adapters.embedder_guarded import GuardedEmbedder
from gateway.adapters.hit_verifier import TreeHitVerifier
from gateway.adapters.verifier_artefact import VERIFIER
from gateway.app.events import LogEvent, marked
from gateway.app.stores import Stores
from gateway.core.hit_proof import HitProof, Standing
from gateway.core.hit_proofs import HitClass, HitProofs
from gateway.pipeline.world import HitJudge, SemanticParts
from gateway.ports import Clock

log = logging.getLogger("tiergate")

QUESTIONS_REMEMBERED: Final = 4_096
"""Parsed, some 2 kB each: four candidates would take as long to parse as to judge."""


def make_judge(clock: Clock, artefact: Artefact) -> HitJudge | None:
    """Make the judge of a difficulty model; None where it came without a verifier."""
    if artefact.verifier is None:
        return None
    verifier = TreeHitVerifier(artefact.verifier, artefact.static, artefact.manifest.files[VERIFIER])
    vectors = verifier.vectors
    embedder = GuardedEmbedder(vectors, vectors.width, clock)
    read = lru_cache(QUESTIONS_REMEMBERED)(verifier.read)
    return HitJudge(f"{vectors.name} {verifier.digest}", embedder, verifier, read)


def make_semantic(stores: Stores, judges: Mapping[str, HitJudge]) -> SemanticParts:
    """Put the parts together."""
    return SemanticParts(judges, stores.semantic, HitProofs(report_change))


def report_change(hit_class: HitClass, proof: HitProof) -> None:
    """Log that a tenant's semantic hits on a route end, or begin again."""
    if proof.standing is Standing.EXACT_ONLY:
        log.error(
            "too many semantic hits of tenant %s on route %s were wrong: none is given until comparisons allow it",
            hit_class.tenant,
            hit_class.route,
            extra=marked(LogEvent.SEMANTIC_STOPPED, tenant=hit_class.tenant, route=hit_class.route),
        )
    else:
        facts = marked(LogEvent.SEMANTIC_RESUMED, tenant=hit_class.tenant, route=hit_class.route)
        told = "semantic hits of tenant %s on route %s are given again"
        log.warning(told, hit_class.tenant, hit_class.route, extra=facts)
