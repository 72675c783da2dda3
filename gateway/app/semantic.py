"""Put together what semantic hits need: the judges of each difficulty model, the index, and the proofs."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from gateway.adapters.artefact import Artefact
from gateway.adapters.embedder_encoder import EncoderEmbedder
from gateway.adapters.embedder_guarded import GuardedEmbedder
from gateway.adapters.hit_verifier import TreeHitVerifier
from gateway.adapters.verifier_artefact import ENCODER_VERIFIER, VERIFIER
from gateway.app.events import LogEvent, marked
from gateway.app.stores import Stores
from gateway.core.hit_proof import HitProof, Standing
from gateway.core.hit_proofs import HitClass, HitProofs
from gateway.pipeline.world import HitJudge, HitJudges, SemanticParts
from gateway.ports import Clock

log = logging.getLogger("tiergate")

QUESTIONS_REMEMBERED: Final = 4_096
"""Parsed, some 2 kB each: four candidates would take as long to parse as to judge."""


def no_embedder(artefact: Artefact) -> None:
    """Say that no encoder of a difficulty model runs here."""


@dataclass(frozen=True, slots=True)
class JudgeMaker:
    """Makes the judges of a difficulty model. `embedder_of` returns what embeds by its encoder, where that runs."""

    clock: Clock
    embedder_of: Callable[[Artefact], EncoderEmbedder | None] = no_embedder

    def __call__(self, artefact: Artefact) -> HitJudges | None:
        """Return them; None where the model came without a verifier."""
        if artefact.verifier is None:
            return None
        verifier = TreeHitVerifier(artefact.verifier, artefact.static, artefact.manifest.files[VERIFIER])
        vectors = verifier.vectors
        static = _judge(verifier, GuardedEmbedder(vectors, vectors.width, self.clock))
        return HitJudges(static, self._by_encoder(artefact))

    def _by_encoder(self, artefact: Artefact) -> HitJudge | None:
        """Return none where the verifier was trained with another encoder than the one that runs."""
        model, embedder = artefact.encoder_verifier, self.embedder_of(artefact)
        if model is None or embedder is None or model.encoder != embedder.weights:
            return None
        verifier = TreeHitVerifier(model, artefact.static, artefact.manifest.files[ENCODER_VERIFIER])
        return _judge(verifier, GuardedEmbedder(embedder, embedder.width, self.clock, within_s=embedder.within_s))


def _judge(verifier: TreeHitVerifier, embedder: GuardedEmbedder) -> HitJudge:
    """Put a judge together. Its name, and with it each scope, has the embedder's: spaces are never mixed."""
    read = lru_cache(QUESTIONS_REMEMBERED)(verifier.read)
    return HitJudge(f"{embedder.name} {verifier.digest}", embedder, verifier, read)


def make_semantic(stores: Stores, judges: Mapping[str, HitJudges]) -> SemanticParts:
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
