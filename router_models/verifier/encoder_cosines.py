"""Cosines of questions by the encoder, as the gateway has them: by its model for the CPU, in int8 numbers.

They take the place of the static vectors' cosine; all other features of a pair stay. Embeddings are kept on disk by
what the encoder reads, so what broke off goes on, and no text is passed through twice.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gateway.core.pair_features import FEATURE_NAMES
from gateway.core.wordpiece import PADDING, WordPieces
from gateway.domain.classifier import ENCODER_CPU_TOKENS
from router_models.data import DataError, Floats
from router_models.embed import PoolsCache, key_of
from router_models.encoder_run import EncoderRun, padded, rows_of
from router_models.encoder_weights import WEIGHTS
from router_models.verifier.fit import Design
from router_models.verifier.pairs import Mask, Names, Pairs

MODEL: Final = "model.int8.onnx"
VOCABULARY: Final = "vocab.txt"
MANIFEST: Final = "manifest.json"
BATCH: Final = 32
"""Texts of like length in one pass. More make no processor faster."""
SCALE: Final = 127
"""In serving the numbers of an embedding are int8, in units of 1/127."""
COSINE: Final = FEATURE_NAMES.index("cosine")
TRAIN_PAIRS: Final = 15_000
MADE_PAIRS: Final = 12_000
"""So many pairs are drawn to fit on: an encoder takes 5 ms of a core for each text."""
DRAW: Final = 11
READ_VERSION: Final = 1
"""To be raised when pairs are drawn, or embedded, otherwise."""

Note = Callable[[str], None]
Numbers = NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class Encoder:
    """A built encoder. `weights` is the SHA-256 of its weights, which names its space; `width` is its vectors'."""

    folder: Path
    weights: str
    width: int

    def kept(self, directory: Path) -> Path:
        """Return where its embeddings are kept."""
        return directory / f"questions-{self.weights[:8]}-{ENCODER_CPU_TOKENS}.bin"


def read_encoder(folder: Path) -> Encoder:
    """Read what an encoder's folder says of itself. Raises DataError where there is none."""
    for name in (MANIFEST, MODEL, VOCABULARY):
        if not (folder / name).is_file():
            raise DataError(f"{folder / name} is not there. Write it: python -m router_models encoder build --help")
    manifest = json.loads((folder / MANIFEST).read_bytes())
    return Encoder(folder, manifest["weights_sha256"][WEIGHTS], manifest["embedding"])


def with_cosines(design: Design, encoder: Encoder, kept: Path, note: Note, most: int = TRAIN_PAIRS) -> Design:
    """Return a part of the pairs, with their cosines by the encoder and all other features as they are.

    Of the pairs to fit on `most`, and `MADE_PAIRS` of those that were made. Of the others all, but for edits that
    nothing reads.
    """
    chance = np.random.default_rng(DRAW)
    splits = design.questions.splits
    questions = _drawn(splits, {"calib": len(splits), "test": len(splits), "train": most}, chance)
    edits = _drawn(design.edits.splits, {"test": len(design.edits), "train": len(design.edits)}, chance)
    made = _drawn(design.made.splits, dict.fromkeys(sorted(set(design.made.splits.tolist())), MADE_PAIRS), chance)
    parts = design.questions.where(questions), design.edits.where(edits), design.made.where(made)
    features = design.question_features[questions], design.edit_features[edits], design.made_features[made]
    found = [_read(pairs, known, encoder, kept, note) for pairs, known in zip(parts, features, strict=True)]
    key = f"{design.key}-{encoder.weights[:8]}-{READ_VERSION}"
    return Design(key, *parts, design.space, design.table, *found)


def _drawn(splits: Names, most: Mapping[str, int], chance: np.random.Generator) -> Mask:
    """Draw at most so many pairs of each split."""
    drawn = np.zeros(len(splits), np.bool_)
    for split, count in most.items():
        drawn[chance.permutation(np.flatnonzero(splits == split))[:count]] = True
    return drawn


def _read(pairs: Pairs, features: Floats, encoder: Encoder, kept: Path, note: Note) -> Floats:
    """Return the features of some pairs with the encoder's cosine; a text without a word has no features at all."""
    texts = list(dict.fromkeys((*pairs.cached, *pairs.asked)))
    vectors = embeddings(texts, encoder, kept, note).astype(np.float32)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1.0)
    at = {text: row for row, text in enumerate(texts)}
    cached, asked = ([at[text] for text in side] for side in (pairs.cached, pairs.asked))
    found = features.copy()
    found[:, COSINE] = np.where(features.any(axis=1), np.vecdot(vectors[cached], vectors[asked]), 0.0)
    return found


def embeddings(texts: Sequence[str], encoder: Encoder, kept: Path, note: Note) -> Numbers:
    """Return texts x width, in whole numbers as an index keeps them."""
    pieces = (encoder.folder / VOCABULARY).read_text("utf-8").removesuffix("\n").split("\n")
    rows = rows_of(WordPieces(pieces).mending(), texts, ENCODER_CPU_TOKENS)
    keys = [key_of(row) for row in rows]
    known = PoolsCache(encoder.kept(kept), encoder.width)
    wanted = {key: row for key, row in zip(keys, rows, strict=True) if key not in known}
    if wanted:
        session = EncoderRun(encoder.folder / MODEL, threads=1)
        missing = sorted(wanted, key=lambda key: len(wanted[key]))
        for start in range(0, len(missing), BATCH):
            chosen = missing[start : start + BATCH]
            batch = padded([wanted[key] for key in chosen], pieces.index(PADDING))
            known.add(chosen, session.run(batch, ("embedding",))[0].astype(np.float16))
            note(f"through the encoder: {start + len(chosen):,} of {len(missing):,} texts")
    found = np.zeros((len(keys), encoder.width), np.int8)
    for row, key in enumerate(keys):
        found[row] = np.rint(known[key].astype(np.float32) * SCALE)
    return found
