"""Times a decision on a semantic hit as the gateway makes it: the nearest in the scope, parse, judge what is near."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import thread_time_ns
from typing import Final

from gateway.adapters.hit_verifier import TreeHitVerifier
from gateway.adapters.question_vectors import embedding_of
from gateway.adapters.semantic_rows import ScopeRows
from gateway.domain.semantic import SemanticEntry
from gateway.pipeline.semantic import LEAST_COSINE, NEAREST
from load_tests.cache_measures import percentiles_ms

SCOPE_ENTRIES: Final = 5_000
DECISIONS: Final = 1_000
_ANY_COSINE: Final = -1.0


@dataclass(frozen=True, slots=True)
class Decision:
    """CPU milliseconds of one thread, median and 99th percentile, in a scope of so many entries.

    As served, `judged` candidates are near enough to be judged on average. `all_ms` is with all `NEAREST` of them.
    """

    entries: int
    judged: float
    served_ms: tuple[float, float]
    all_ms: tuple[float, float]

    def __str__(self) -> str:
        served, of_all = (f"{median:.2f} / {late:.2f} ms" for median, late in (self.served_ms, self.all_ms))
        return f"{served} ({self.judged:.1f} judged); {of_all} ({NEAREST} judged)"


Embed = Callable[[str], bytes | None]


def static_embedding(verifier: TreeHitVerifier) -> Embed:
    """Return what embeds texts by the static vectors."""

    def embed(text: str) -> bytes | None:
        vector = verifier.vectors.vector(text)
        return None if vector is None else embedding_of(vector)

    return embed


def time_decision(verifier: TreeHitVerifier, embed: Embed, cached: Sequence[str], asked: Sequence[str]) -> Decision:
    """Ask `DECISIONS` questions in a scope of `SCOPE_ENTRIES`. The cached ones were parsed before, as in serving."""
    entries = [SemanticEntry(text, text, vector, 0.0, 1.0) for text, vector in _placed(embed, cached, SCOPE_ENTRIES)]
    rows, read = ScopeRows(len(entries[0].vector)), {entry.text: verifier.read(entry.text) for entry in entries}
    for entry in entries:
        rows.put(entry, 0.0)
    questions = _placed(embed, asked, DECISIONS)

    def decide(number: int, least_cosine: float = LEAST_COSINE) -> int:
        text, vector = questions[number]
        near = [each for each in rows.nearest(vector, NEAREST, 0.0) if each.cosine >= least_cosine]
        known = [read[each.entry.text] for each in near]
        verifier.judge(verifier.read(text), known, [each.cosine for each in near])
        return len(near)

    judged = sum(map(decide, range(len(questions)))) / len(questions)
    served_ms = percentiles_ms(decide, len(questions), thread_time_ns)
    all_ms = percentiles_ms(lambda number: decide(number, _ANY_COSINE), len(questions), thread_time_ns)
    return Decision(len(entries), judged, served_ms, all_ms)


def _placed(embed: Embed, texts: Sequence[str], most: int) -> list[tuple[str, bytes]]:
    """Return distinct texts with their embeddings, but for those without one."""
    vectors = ((text, embed(text)) for text in dict.fromkeys(texts))
    return [(text, vector) for text, vector in vectors if vector is not None][:most]
