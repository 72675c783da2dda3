"""What semantic hits ask of the world, beside the cache. Each port has a fake of the same contract."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from gateway.domain.question import Judgement, Question, ScoreCounts
from gateway.domain.semantic import Neighbour, SemanticEntry, SemanticScope


class HitVerifier(Protocol):
    """Tells whether one answer does for two questions. In memory and at once; it never fails."""

    @property
    def digest(self) -> str:
        """Names the verifier and its training: probabilities of another cannot be compared."""

    @property
    def calibration(self) -> ScoreCounts:
        """Right and wrong by probability, on pairs that the verifier was not fitted on."""

    def read(self, text: str) -> Question:
        """Parse a text, once; an entry may keep what is returned, or its text alone and parse that again."""

    def judge(self, asked: Question, cached: Sequence[Question], cosines: Sequence[float]) -> tuple[Judgement, ...]:
        """Judge some cached questions together, each with the cosine between its embedding and that of the asked."""


class Embedder(Protocol):
    """Where a question lies among questions, so that like ones lie near to each other."""

    @property
    def name(self) -> str:
        """Names it with its version: vectors of another cannot be compared."""

    async def embed(self, text: str) -> bytes | None:
        """Return int8 numbers in proportion to the embedding; None for a text that has none, or is too long for one.

        May raise ValueError, ArithmeticError, RuntimeError and OSError, and may take its time.
        """


class SemanticIndex(Protocol):
    """Answered questions by scope, in memory or on a server. Never fails: what cannot be found in time is not there."""

    @property
    def is_remote(self) -> bool:
        """Tell whether a server searches, which is waited for; what is found in memory costs this process's time."""

    async def nearest(self, scope: SemanticScope, vector: bytes, count: int, within_s: float) -> Sequence[Neighbour]:
        """Return the nearest entries of this scope and no other, the nearest first; none where it takes longer."""

    def put(self, scope: SemanticScope, entry: SemanticEntry) -> None:
        """Keep an entry, in the place of one with the same answer; behind the caller's back where it is shared."""

    def forget(self, scope: SemanticScope, answer: str) -> None:
        """Forget the entry with this answer, if there is one."""

    async def listen(self) -> None:
        """Take in what other workers put, until cancelled; return where there are none."""

    def stats(self) -> Mapping[str, int | str]:
        """Count what is held, by name; `index` names what searches."""

    async def aclose(self) -> None: ...


class HitLabels(Protocol):
    """Which semantic hits were right and wrong, made known to other workers and kept for later ones. Never fails."""

    async def look(self) -> None:
        """Tell what is new here, and take in what is new elsewhere."""

    async def listen(self) -> None:
        """Look again and again until cancelled; return where there are no others."""

    def stats(self) -> Mapping[str, int]: ...
