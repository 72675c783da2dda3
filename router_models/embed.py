"""Pools of many texts: what the heads are fitted on.

Kept on disk by what the encoder reads, so that nothing is computed twice: neither a text nor an edited form of it that
comes down to the same pieces.

The file is a row of records: 16 bytes of the SHA-256 of the pieces' ids, then the pools. A record that was cut off when
the program was stopped is dropped at the next start.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gateway.core.wordpiece import PADDING, WordPieces
from gateway.domain.classifier import ENCODER_TOKENS
from router_models.encoder_graph import POOLED, pools_graph
from router_models.encoder_run import EncoderRun, padded, rows_of
from router_models.encoder_weights import SHA256, WEIGHTS, EncoderWeights

Halves = NDArray[np.float16]
Progress = Callable[[int, int], None]

KEPT: Final = Path(".tiergate")
POOLS_VERSION: Final = 2
"""To be raised when pools are made otherwise of the same pieces, or kept under another key."""
KEY_BYTES: Final = 16
BATCH_TOKENS: Final = 4_096
"""In one pass: more makes no processor faster, and less leaves a GPU idle."""
BATCH_TEXTS_MAX: Final = 256


def encoder_version(tokens: int = ENCODER_TOKENS) -> str:
    """Name what pools depend on besides the text."""
    return f"{SHA256[WEIGHTS][:8]}-{tokens}-{POOLS_VERSION}"


def key_of(row: Sequence[int]) -> bytes:
    """Return the key under which the pools of a row of ids are kept."""
    return hashlib.sha256(np.array(row, "<i4").tobytes()).digest()[:KEY_BYTES]


class PoolsCache:
    """Pools by text, in a file to which they are appended."""

    def __init__(self, path: Path, width: int) -> None:
        """Read the file, if there is one, and cut off what was not finished."""
        self._record = np.dtype([("key", f"V{KEY_BYTES}"), ("pools", "<f2", (width,))])
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            file.truncate(file.tell() // self._record.itemsize * self._record.itemsize)
        records = np.fromfile(path, self._record)
        self._pools: dict[bytes, Halves] = {
            bytes(key): pools for key, pools in zip(records["key"], records["pools"], strict=True)
        }

    def __contains__(self, key: object) -> bool:
        return key in self._pools

    def __getitem__(self, key: bytes) -> Halves:
        return self._pools[key]

    def add(self, keys: Sequence[bytes], pools: Halves) -> None:
        """Keep the pools of some texts, on disk before this returns."""
        records = np.empty(len(keys), self._record)
        records["key"] = np.array([np.void(key) for key in keys])
        records["pools"] = pools
        with self._path.open("ab") as file:
            file.write(records.tobytes())
        self._pools.update(zip(keys, pools, strict=True))


def cache_path(directory: Path = KEPT, tokens: int = ENCODER_TOKENS) -> Path:
    """Return where the pools of this encoder and this window are kept."""
    return directory / f"pools-{encoder_version(tokens)}.bin"


def embed(
    texts: Sequence[str],
    weights: EncoderWeights,
    cache: Path | None = None,
    *,
    device: str = "cpu",
    threads: int = 0,
    tokens: int = ENCODER_TOKENS,
    progress: Progress = lambda done, total: None,
) -> Halves:
    """Return (texts) x (3 x width) pools; each third is of length 1. `cache` is a file, default `cache_path()`.

    `progress` gets the number of texts that are done, and of all. Raises DataError where the device cannot be used.
    """
    kept = PoolsCache(cache_path(tokens=tokens) if cache is None else cache, POOLED * weights.width)
    pieces = WordPieces(weights.vocabulary).mending()
    rows = rows_of(pieces, texts, tokens)
    keys = [key_of(row) for row in rows]
    wanted = {key: row for key, row in zip(keys, rows, strict=True) if key not in kept}
    done = sum(key in kept for key in keys)
    progress(done, len(keys))
    if wanted:
        padding = weights.vocabulary.index(PADDING)
        model = EncoderRun(pools_graph(weights).SerializeToString(), device, threads)
        missing = list(wanted)
        times = Counter(keys)
        for batch in _batches([len(wanted[key]) for key in missing]):
            chosen = [missing[at] for at in batch]
            (pools,) = model.run(padded([wanted[key] for key in chosen], padding))
            kept.add(chosen, pools.astype(np.float16))
            done += sum(times[key] for key in chosen)
            progress(done, len(keys))
    return np.stack([kept[key] for key in keys]) if keys else np.zeros((0, POOLED * weights.width), np.float16)


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Yield positions, texts of like length together, the shortest first."""
    batch: list[int] = []
    for at in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and (len(batch) == BATCH_TEXTS_MAX or (len(batch) + 1) * lengths[at] > BATCH_TOKENS):
            yield batch
            batch = []
        batch.append(at)
    if batch:
        yield batch
