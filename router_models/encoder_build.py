"""The encoder's artefact: the graph in three precisions, its vocabulary and heads, and a manifest with their hashes."""

import hashlib
import importlib
import io
import json
import logging
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np
import onnx

from gateway.adapters.onnx_runtime import onnxruntime
from gateway.core.wordpiece import PADDING, WordPieces
from gateway.domain.classifier import ENCODER_TOKENS
from router_models.data import DataError
from router_models.encoder_graph import POOLED, TAIL, Heads, Precision, encoder_graph
from router_models.encoder_run import EncoderRun, padded, rows_of
from router_models.encoder_weights import SHA256, EncoderWeights, Floats

_QUANTIZATION: Final = importlib.import_module("onnxruntime.quantization")
"""By name: it must not be loaded before `onnx_runtime` is."""

NAME: Final = "encoder"
VERSION: Final = "1"
FORMAT: Final = 1
FULL, HALF, SMALL = "model.fp32.onnx", "model.fp16.onnx", "model.int8.onnx"
VOCABULARY: Final = "vocab.txt"
HEADS: Final = "heads.npz"
TABLE: Final = "folded.npz"
ADDS: Final = "adds_"
MANIFEST: Final = "manifest.json"
LEAST_AGREEMENT: Final[Mapping[str, float]] = {HALF: 0.999, SMALL: 0.99}
"""Cosine between embeddings in that precision and in full, over the texts below: the least that is written."""
TRIALS: Final = (
    "What is the capital of France?",
    "Prove that the square root of 2 is irrational, and say which step fails for the square root of 4.",
    "Write a Python function that merges overlapping intervals given as pairs of integers, with its tests.",
    "Bonjour ! Traduisez en anglais : « Il pleut des cordes », puis expliquez l'expression.",
    "A shop sells pens at 3 for $4 and notebooks at $2.50 each. Ann spends $21 and buys twice as many pens as "
    "notebooks. How many of each does she buy? Answer with two numbers.",
    "Which of these is a noble gas? (A) nitrogen (B) argon (C) chlorine (D) hydrogen",
)
_MULTIPLIED: Final = ("MatMul", "Attention")


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What is in an artefact. `files` maps names to SHA-256; `latent`, `vector` and `embedding` are widths.

    `space` is the SHA-256 of the word table in whose latent space the heads were fitted; the gateway takes the encoder
    beside no other. `adds` has, by the stage before (`folded`, `static`), per latent number the standard deviation of
    what the encoder adds: without it no decision is ever open enough to ask the encoder.
    """

    latent: int
    vector: int
    embedding: int
    files: dict[str, str]
    agreement: dict[str, float]
    created: str
    space: str = ""
    adds: dict[str, list[float]] = field(default_factory=dict)
    name: str = NAME
    version: str = VERSION
    format: int = FORMAT
    tokens: int = ENCODER_TOKENS
    pooled_layers: int = POOLED
    weights_sha256: dict[str, str] = field(default_factory=lambda: dict(SHA256))
    built_with: dict[str, str] = field(
        default_factory=lambda: {"onnx": onnx.__version__, "onnxruntime": onnxruntime.__version__}
    )
    sources: tuple[str, ...] = ("all-MiniLM-L6-v2 (sentence-transformers), Apache-2.0",)


def read_heads(path: Path, width: int) -> Heads:
    """Read the trained heads, for pools of `width` numbers in all. Raises DataError."""
    if not path.is_file():
        raise DataError(f"the encoder's heads {path} are not there. Run: python -m router_models train")
    with np.load(path) as kept:
        if missing := {"latent_weight", "latent_bias", "vector_weight"} - set(kept.files):
            raise DataError(f"{path} lacks {', '.join(sorted(missing))}. Run: python -m router_models train")
        arrays = {name: kept[name].astype(np.float32) for name in kept.files}
    vector = arrays["vector_weight"]
    bias = arrays.get("vector_bias", np.zeros(vector.shape[-1], np.float32))
    heads = Heads(arrays["latent_weight"], arrays["latent_bias"], vector, bias)
    try:
        heads.check(width)
    except ValueError as error:
        raise DataError(f"{path}: {error}. Run: python -m router_models train") from error
    return heads


def read_adds(path: Path) -> dict[str, list[float]]:
    """Return what the heads in a file add to each stage before: their arrays `adds_folded` and `adds_static`."""
    with np.load(path) as kept:
        return {name.removeprefix(ADDS): kept[name].tolist() for name in kept.files if name.startswith(ADDS)}


def space_beside(heads: Path) -> str:
    """Return the SHA-256 of the word table in the heads' directory. Raises DataError."""
    table = heads.with_name(TABLE)
    if not table.is_file():
        raise DataError(
            f"{table} is not there, in whose latent space the heads are. Run: python -m router_models train"
        )
    return hashlib.sha256(table.read_bytes()).hexdigest()


def build_encoder(
    to: Path,
    weights: EncoderWeights,
    heads: Heads,
    note: Callable[[str], object] = lambda what: None,
    *,
    least: Mapping[str, float] = LEAST_AGREEMENT,
    space: str = "",
    adds: Mapping[str, list[float]] | None = None,
) -> Manifest:
    """Write the artefact, the manifest last, and return it.

    Raises DataError when a smaller precision agrees less with the full one than `least` says.
    """
    note("build the graph in three precisions")
    models = precisions(weights, heads)
    note("compare the precisions")
    agreement = _agreement(models, weights, least)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **asdict(heads))
    vocabulary = "".join(f"{piece}\n" for piece in weights.vocabulary).encode()
    files = {**models, VOCABULARY: vocabulary, HEADS: buffer.getvalue()}
    manifest = Manifest(
        latent=len(heads.latent_bias),
        vector=len(heads.vector_bias),
        embedding=weights.width,
        files={name: hashlib.sha256(raw).hexdigest() for name, raw in files.items()},
        agreement={name: round(value, 5) for name, value in agreement.items()},
        created=datetime.now(UTC).date().isoformat(),
        space=space,
        adds=dict(adds or {}),
    )
    to.mkdir(parents=True, exist_ok=True)
    for name, raw in {**files, MANIFEST: (json.dumps(asdict(manifest), indent=2) + "\n").encode()}.items():
        (to / f"{name}.part").write_bytes(raw)
        (to / f"{name}.part").replace(to / name)
    return manifest


def precisions(weights: EncoderWeights, heads: Heads) -> dict[str, bytes]:
    """Return the ONNX files by name: full, half, and 8-bit integers."""
    return {
        FULL: encoder_graph(weights, heads).SerializeToString(),
        HALF: encoder_graph(weights, heads, Precision.HALF).SerializeToString(),
        SMALL: _in_bytes(encoder_graph(weights, heads, Precision.BYTES)),
    }


def _in_bytes(graph: onnx.ModelProto) -> bytes:
    """Turn the layers' matrices into 8-bit integers, a scale for each column; what multiplies them follows at run time.

    One bit is left unused: without it sums of two products overflow on processors that have no VNNI.
    """
    kept = [node.name for node in graph.graph.node if node.name.startswith(TAIL)]
    # It advises in the log to have shapes worked out first, which it cannot for the operators used here.
    logging.getLogger().addFilter(_is_no_advice)
    try:
        with tempfile.TemporaryDirectory() as folder:
            full, small = Path(folder) / FULL, Path(folder) / SMALL
            onnx.save(graph, full)
            _QUANTIZATION.quantize_dynamic(
                full,
                small,
                op_types_to_quantize=list(_MULTIPLIED),
                per_channel=True,
                reduce_range=True,
                weight_type=_QUANTIZATION.QuantType.QInt8,
                nodes_to_exclude=kept,
                extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},
            )
            return small.read_bytes()
    finally:
        logging.getLogger().removeFilter(_is_no_advice)


def _is_no_advice(record: logging.LogRecord) -> bool:
    return "pre-processing before quantization" not in record.getMessage()


def _agreement(models: Mapping[str, bytes], weights: EncoderWeights, least: Mapping[str, float]) -> dict[str, float]:
    """Return the least cosine between each smaller precision's embeddings and the full one's."""
    pieces = WordPieces(weights.vocabulary).mending()
    batches = [padded([row], weights.vocabulary.index(PADDING)) for row in rows_of(pieces, TRIALS)]

    def embeddings(name: str) -> Floats:
        model = EncoderRun(models[name], threads=1)
        return np.concatenate([model.run(batch, ("embedding",))[0] for batch in batches])

    full = embeddings(FULL)
    found = {name: float((embeddings(name) * full).sum(axis=1).min()) for name in least}
    for name, wanted in least.items():
        if not found[name] >= wanted:
            raise DataError(
                f"{name} is not the encoder any more: its embeddings' cosine with the full ones is {found[name]:.4f}, "
                f"at least {wanted} expected. Build with onnxruntime 1.22 or later; this is {onnxruntime.__version__}"
            )
    return found
