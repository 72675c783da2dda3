"""Time the encoder as it is served: cut texts into ids, fill up the batch, pass it through, on one device.

Each cell is one caller who sends batch after batch, so requests/s are those of a single lane, nothing overlapping. The
open-loop run is another matter: requests come by chance at a given mean rate whether or not the last was answered, and
each pass takes all that wait; what is told is the time from a request's coming to its answer.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter, sleep
from typing import Final

import numpy as np

from gateway.core.wordpiece import WordPieces
from router_models.encoder_run import BoundRun, EncoderRun, padded, rows_of

BATCHES: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256)
TOKENS: Final = (32, 64, 128, 256, 512)
QUICK_BATCHES: Final = (1, 8, 32)
QUICK_TOKENS: Final = (32, 96, 256)
OUTPUTS: Final = ("latent", "embedding")
"""What serving asks for."""
SEED: Final = 20
WARM_UPS: Final = 3
LEAST_ROUNDS: Final = 5
_CHARS_PER_WORD: Final = 2
_OPEN_LOOP_BATCH: Final = 256


@dataclass(frozen=True, slots=True)
class Cell:
    """One measurement: milliseconds for a whole batch, and texts per second."""

    batch: int
    tokens: int
    is_bound: bool
    rounds: int
    p50_ms: float
    p99_ms: float
    texts_per_s: float


@dataclass(frozen=True, slots=True)
class OpenLoop:
    """Requests that came by chance: milliseconds from coming to answer, and how many shared a pass on average."""

    rate_per_s: float
    tokens: int
    p50_ms: float
    p99_ms: float
    reached_per_s: float
    mean_batch: float


def sample_texts(vocabulary: Sequence[str], count: int, tokens: int) -> list[str]:
    """Return texts of words of the vocabulary, each a little longer than `tokens`, so that the window cuts them."""
    words = [piece for piece in vocabulary if piece.isalpha() and len(piece) > _CHARS_PER_WORD]
    chance = np.random.default_rng(SEED)
    return [" ".join(words[at] for at in chance.integers(len(words), size=tokens)) for _ in range(count)]


def measure(
    model: EncoderRun, vocabulary: Sequence[str], batch: int, tokens: int, *, is_bound: bool, seconds: float
) -> Cell:
    """Time one size of batch for about so many seconds, and five rounds at least."""
    once = _path(model, WordPieces(vocabulary).mending(), tokens, is_bound=is_bound)
    texts = sample_texts(vocabulary, batch, tokens)
    for _ in range(WARM_UPS):
        once(texts)
    taken: list[float] = []
    begun_s = perf_counter()
    while len(taken) < LEAST_ROUNDS or perf_counter() - begun_s < seconds:
        start_s = perf_counter()
        once(texts)
        taken.append(perf_counter() - start_s)
    p50_ms, p99_ms = np.percentile(taken, (50, 99)) * 1e3
    return Cell(batch, tokens, is_bound, len(taken), float(p50_ms), float(p99_ms), batch * len(taken) / sum(taken))


def open_loop(
    model: EncoderRun, vocabulary: Sequence[str], rate_per_s: float, tokens: int, *, seconds: float
) -> OpenLoop:
    """Answer requests that come by chance, for so many seconds; each pass takes all that wait, 256 at most."""
    once = _path(model, WordPieces(vocabulary).mending(), tokens, is_bound=False)
    texts = sample_texts(vocabulary, _OPEN_LOOP_BATCH, tokens)
    for batch in BATCHES:
        once(texts[:batch])
    chance = np.random.default_rng(SEED)
    comes_s = np.cumsum(chance.exponential(1 / rate_per_s, size=max(1, round(rate_per_s * seconds))))
    waited: list[float] = []
    passes = 0
    begun_s = perf_counter()
    while len(waited) < len(comes_s):
        now_s = perf_counter() - begun_s
        here = int(np.searchsorted(comes_s, now_s))
        if here == len(waited):
            sleep(max(0.0, float(comes_s[here]) - now_s))
            continue
        taken = comes_s[len(waited) : min(here, len(waited) + _OPEN_LOOP_BATCH)]
        once(texts[: len(taken)])
        waited += (perf_counter() - begun_s - taken).tolist()
        passes += 1
    took_s = perf_counter() - begun_s
    p50_ms, p99_ms = np.percentile(waited, (50, 99)) * 1e3
    return OpenLoop(rate_per_s, tokens, float(p50_ms), float(p99_ms), len(waited) / took_s, len(waited) / passes)


def _path(model: EncoderRun, pieces: WordPieces, tokens: int, *, is_bound: bool) -> Callable[[Sequence[str]], object]:
    bound = BoundRun(model, OUTPUTS) if is_bound else None

    def once(texts: Sequence[str]) -> object:
        batch = padded(rows_of(pieces, texts, tokens), pieces.padding)
        return model.run(batch, OUTPUTS) if bound is None else bound.run(batch)

    return once
