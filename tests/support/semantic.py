"""A semantic stage in memory: questions embedded by their words, and a verifier that says what a test tells it to."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from gateway.adapters.memory_semantic import MemorySemanticIndex
from gateway.core.hit_proof import HitProof, Standing
from gateway.core.hit_proofs import HitClass, HitProofs
from gateway.domain.question import Guard, Judgement, Question, ScoreCounts
from gateway.pipeline.world import HitJudge, HitJudges, SemanticParts
from gateway.ports import Clock
from gateway.ports_semantic import SemanticIndex
from tests.support.clocks import ManualClock
from tests.unit.policy.worlds import CATALOGUE

WIDTH = 64
COUNTS = ScoreCounts((0.0, 0.5, 0.9), (100, 100, 1_000), (900, 60, 5))
"""With these a bound of 5 % is kept from 0.9 on."""


class WordEmbedder:
    """Questions that share words lie near to each other; one that is stalled has no embedding."""

    name = "words 1"

    def __init__(self) -> None:
        self.is_stalled = False

    async def embed(self, text: str) -> bytes | None:
        """Count words by their digests."""
        counts = [0] * WIDTH
        for word in text.lower().replace("?", " ").replace(".", " ").split():
            counts[zlib.crc32(word.encode()) % WIDTH] += 1
        return None if self.is_stalled or not any(counts) else bytes(counts)


@dataclass(slots=True)
class ToldVerifier:
    """Finds every pair as probable as it is told, and what it is not told of improbable."""

    digest: str = "told 1"
    calibration: ScoreCounts = COUNTS
    probability: dict[frozenset[str], float] = field(default_factory=dict)
    guards: frozenset[Guard] = frozenset()
    otherwise: float = 0.1
    """Of pairs that it is not told of."""

    def tell(self, first: str, second: str, probability: float) -> None:
        """Say how probable it is that one answer does for two texts."""
        self.probability[frozenset((first, second))] = probability

    def read(self, text: str) -> Question:
        """Keep the text alone: nothing else is looked at."""
        return Question(text, (), (), (), (), (), (), "", (), frozenset())

    def judge(self, asked: Question, cached: Sequence[Question], cosines: Sequence[float]) -> tuple[Judgement, ...]:
        """Say what was told of each pair."""
        found = [self.probability.get(frozenset((asked.text, each.text)), self.otherwise) for each in cached]
        return tuple(Judgement(p, cosine, self.guards) for p, cosine in zip(found, cosines, strict=True))


class Semantic:
    """The parts of a semantic stage, and what became of its classes."""

    def __init__(self, clock: ManualClock | None = None) -> None:
        self.clock = clock or ManualClock()
        self.embedder = WordEmbedder()
        self.verifier = ToldVerifier()
        self.changes: list[tuple[HitClass, Standing]] = []
        self.index = MemorySemanticIndex(self.clock)
        self.proofs = HitProofs(self._changed)
        judge = HitJudge("words 1, told 1", self.embedder, self.verifier, self.verifier.read)
        self.judges = {CATALOGUE.digest: HitJudges(judge)}
        self.parts = SemanticParts(self.judges, self.index, self.proofs)

    def add_encoder(self) -> ToldVerifier:
        """Let there be a judge by the encoder too; return its verifier."""
        verifier = ToldVerifier("told 2")
        judge = HitJudge("words 1, told 2", self.embedder, verifier, verifier.read)
        self.judges[CATALOGUE.digest] = HitJudges(self.judges[CATALOGUE.digest].static, judge)
        return verifier

    def _changed(self, hit_class: HitClass, proof: HitProof) -> None:
        self.changes.append((hit_class, proof.standing))


def semantic_parts(index: SemanticIndex, artefact: str, probability: float) -> SemanticParts:
    """Return parts whose verifier finds every pair as probable as that."""
    verifier = ToldVerifier(otherwise=probability)
    judge = HitJudge("words 1, told 1", WordEmbedder(), verifier, verifier.read)
    return SemanticParts({artefact: HitJudges(judge)}, index, HitProofs(lambda hit_class, proof: None))


def no_semantic(clock: Clock) -> SemanticParts:
    """Return parts with nothing that could judge."""
    return SemanticParts({}, MemorySemanticIndex(clock), HitProofs(lambda hit_class, proof: None))
