"""Put together what semantic hits need: the judge of each difficulty model, the index, and the proofs."""

import logging
from collections.abc import Mapping

from gateway.app.stores import Stores
from gateway.core.hit_proof import HitProof, Standing
from gateway.core.hit_proofs import HitClass, HitProofs
from gateway.pipeline.world import HitJudge, SemanticParts

log = logging.getLogger("tiergate")


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
        )
    else:
        log.warning("semantic hits of tenant %s on route %s are given again", hit_class.tenant, hit_class.route)
