"""The encoder as an ONNX graph, built from its arrays with the operators that ONNX Runtime has for transformers.

    ids -> tokens + positions -> 6 x (attention, feed forward) -> pools of the last three layers -> heads

Inputs `input_ids` and `attention_mask`, int64, (texts) x (tokens); padding stands at the end. A pool is the mean of a
layer's tokens brought to length 1, and `pools` are those of the last three layers side by side. Outputs, all float32:

    latent      pools . latent_weight + latent_bias                    (texts) x K
    vector      pools . vector_weight + vector_bias, to length 1       (texts) x D      for a search of neighbours
    embedding   the last layer's pool                                  (texts) x width  for the semantic cache

The mean and the sum of tokens point the same way, so the sum is what is brought to length 1. Whatever the layers
compute in, the pools and what is made of them are float32.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from router_models.encoder_weights import EncoderWeights, Floats

OPSET: Final = 17
IR_VERSION: Final = 9
"""The newest that ONNX Runtime 1.17 and later, and the servers built on it, read."""
FUSED: Final = "com.microsoft"
"""The operators' domain: whole attention, and additions with what follows them, in one kernel each."""
LAYER_NORM_EPSILON: Final = 1e-12
LENGTH_MIN: Final = 1e-12
"""Of a vector before it is brought to length 1, so that nothing is divided by 0."""
POOLED: Final = 3
"""Last layers that are pooled. What a text is about is clearest in the last; how hard it is, in the two before."""
INPUTS: Final = ("input_ids", "attention_mask")
TAIL: Final = "tail."
"""Begins the names of the nodes that make outputs of the layers: few numbers, which keep their full precision."""
BYTE_MAX: Final = 127
BYTE_ZERO: Final = 128
"""Blocks hold bytes without sign, around this."""
BLOCK: Final = 128
"""What comes out of the bend is mostly near 0 with a few large numbers. With one scale for a whole batch a random
projection of the pools errs by 13 % of its spread, with blocks here by 9 %, and with blocks in all layers by 4 %, which
takes twice the time; blocks of 64 or 32 gain nothing. The trained latent errs by 5 %."""
_BY_BYTES: Final = 4
"""The level at which what a matrix is multiplied with becomes 8-bit integers too."""


class Precision(StrEnum):
    """What the numbers of the layers are kept as.

    `bytes` keeps as 8-bit integers what wants scales finer than one for each column of a matrix: the tokens' vectors,
    each with its own, and what follows the bend of each layer, in blocks. The other matrices stay float32.
    """

    FLOAT = "float"
    HALF = "half"
    BYTES = "bytes"


@dataclass(frozen=True, slots=True)
class Heads:
    """What training fits on the pools: (3 x width) x K and K; (3 x width) x D and D."""

    latent_weight: Floats
    latent_bias: Floats
    vector_weight: Floats
    vector_bias: Floats

    def check(self, width: int) -> None:
        """Raise ValueError when the heads do not fit pools of `width` numbers in all."""
        for what, weight, bias in (
            ("latent", self.latent_weight, self.latent_bias),
            ("vector", self.vector_weight, self.vector_bias),
        ):
            if weight.shape != (width, *bias.shape):
                raise ValueError(f"{what}_weight is {weight.shape}, expected {(width, *bias.shape)}")


def encoder_graph(weights: EncoderWeights, heads: Heads, precision: Precision = Precision.FLOAT) -> onnx.ModelProto:
    """Build the encoder as it is served. Raises ValueError when the heads do not fit its pools."""
    heads.check(POOLED * weights.width)
    graph = _Graph(precision)
    pools = _pools(graph, weights)
    both = graph.put(f"{TAIL}pools", "Concat", pools, axis=1)
    _linear(graph, "latent", both, heads.latent_weight, heads.latent_bias, output="latent")
    away = _linear(graph, "vector", both, heads.vector_weight, heads.vector_bias)
    _length_one(graph, f"{TAIL}vector", away, output="vector")
    graph.put(f"{TAIL}embedding", "Identity", [pools[-1]], output="embedding")
    widths = {"latent": len(heads.latent_bias), "vector": len(heads.vector_bias), "embedding": weights.width}
    return graph.model(widths)


def pools_graph(weights: EncoderWeights) -> onnx.ModelProto:
    """Build the encoder without heads, with the one output `pools`: what the heads are fitted on."""
    graph = _Graph(Precision.FLOAT)
    graph.put(f"{TAIL}pools", "Concat", _pools(graph, weights), axis=1, output="pools")
    return graph.model({"pools": POOLED * weights.width})


class _Graph:
    """Nodes and constants in the order in which they were put in."""

    def __init__(self, precision: Precision) -> None:
        self.precision = precision
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, onnx.TensorProto] = {}

    def put(
        self,
        name: str,
        kind: str,
        inputs: Sequence[str],
        *,
        output: str = "",
        domain: str = "",
        **settings: float | Sequence[int],
    ) -> str:
        """Add a node and return the name of what it makes."""
        made = output or f"{name}.out"
        node = helper.make_node(kind, inputs, [made], name=name, domain=domain)
        node.attribute.extend(helper.make_attribute(setting, value) for setting, value in settings.items())
        self._nodes.append(node)
        return made

    def constant(self, name: str, value: Floats) -> str:
        """Add numbers of a layer, in the precision of layers, and return their name."""
        return self.full(name, value.astype(np.float16) if self.precision is Precision.HALF else value)

    def full(self, name: str, value: NDArray[np.generic]) -> str:
        """Add a constant as it is, once, and return its name."""
        if name not in self._constants:
            self._constants[name] = numpy_helper.from_array(np.ascontiguousarray(value), name)
        return name

    def model(self, outputs: dict[str, int]) -> onnx.ModelProto:
        """Close the graph with outputs of these widths."""
        info = helper.make_tensor_value_info
        graph = helper.make_graph(
            self._nodes,
            "encoder",
            [info(name, TensorProto.INT64, ["texts", "tokens"]) for name in INPUTS],
            [info(name, TensorProto.FLOAT, ["texts", width]) for name, width in outputs.items()],
            list(self._constants.values()),
        )
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(FUSED, 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="tiergate")


def _pools(graph: _Graph, weights: EncoderWeights) -> list[str]:
    """Put in the layers; return the pools of the last three."""
    hidden = _embed(graph, weights)
    tokens = _ints(graph, "axis_tokens", [1])
    small = graph.put("mask", "Cast", ["attention_mask"], to=TensorProto.INT32)
    # Padding stands at the end, so a text's length says which tokens count; the fast kernels want it that way.
    lengths = graph.put("lengths", "ReduceSum", [small, tokens], keepdims=0)
    weight = graph.put(f"{TAIL}mask", "Cast", ["attention_mask"], to=TensorProto.FLOAT)
    weight = graph.put(f"{TAIL}mask_row", "Unsqueeze", [weight, tokens])
    pools = []
    for layer in range(weights.layers):
        hidden = _layer(graph, weights, layer, hidden, lengths)
        if layer >= weights.layers - POOLED:
            name = f"{TAIL}pool_{layer}"
            read = graph.put(f"{name}_read", "Cast", [hidden], to=TensorProto.FLOAT)
            summed = graph.put(f"{name}_sum", "MatMul", [weight, read])
            pools.append(_length_one(graph, name, graph.put(f"{name}_flat", "Squeeze", [summed, tokens])))
    return pools


def _embed(graph: _Graph, weights: EncoderWeights) -> str:
    arrays = weights.arrays
    # All tokens are of the first of two kinds, whose vector is added to each position's once and for all.
    positions = arrays["embeddings.position_embeddings.weight"] + arrays["embeddings.token_type_embeddings.weight"][0]
    vectors = _token_vectors(graph, arrays["embeddings.word_embeddings.weight"])
    shape = graph.put("shape", "Shape", ["input_ids"], start=1)
    ends = [_ints(graph, "first", [0]), shape, _ints(graph, "axis_positions", [0])]
    places = graph.put("embed_positions", "Slice", [graph.constant("positions", positions), *ends])
    summed = graph.put("embed", "Add", [vectors, places])
    scale, bias = _norm(graph, weights, "embeddings.LayerNorm")
    return graph.put("embed_norm", "LayerNormalization", [summed, scale, bias], epsilon=LAYER_NORM_EPSILON)


def _token_vectors(graph: _Graph, table: Floats) -> str:
    if graph.precision is not Precision.BYTES:
        return graph.put("embed_tokens", "Gather", [graph.constant("tokens", table), "input_ids"])
    scales = np.maximum(np.abs(table).max(axis=1, keepdims=True), LENGTH_MIN).astype(np.float32) / BYTE_MAX
    small = np.rint(table / scales).astype(np.int8)
    found = graph.put("embed_bytes", "Gather", [graph.full("tokens", small), "input_ids"])
    scale = graph.put("embed_scales", "Gather", [graph.full("token_scales", scales), "input_ids"])
    return graph.put("embed_tokens", "Mul", [graph.put("embed_plain", "Cast", [found], to=TensorProto.FLOAT), scale])


def _layer(graph: _Graph, weights: EncoderWeights, layer: int, hidden: str, lengths: str) -> str:
    arrays, prefix = weights.arrays, f"encoder.layer.{layer}."
    parts = [f"{prefix}attention.self.{part}." for part in ("query", "key", "value")]
    joined = graph.constant(f"{prefix}qkv", np.concatenate([arrays[f"{part}weight"].T for part in parts], axis=1))
    bias = graph.constant(f"{prefix}qkv_bias", np.concatenate([arrays[f"{part}bias"] for part in parts]))
    seen = graph.put(
        f"{prefix}attention",
        "Attention",
        [hidden, joined, bias, lengths],
        domain=FUSED,
        num_heads=weights.attention_heads,
    )
    hidden = _add_and_norm(graph, weights, f"{prefix}attention.output.", seen, hidden)
    wide = _times(graph, weights, f"{prefix}intermediate.dense", hidden)
    wide_bias = graph.constant(f"{prefix}wide_bias", arrays[f"{prefix}intermediate.dense.bias"])
    bent = graph.put(f"{prefix}gelu", "BiasGelu", [wide, wide_bias], domain=FUSED)
    return _add_and_norm(graph, weights, f"{prefix}output.", bent, hidden)


def _add_and_norm(graph: _Graph, weights: EncoderWeights, prefix: str, value: str, skipped: str) -> str:
    if graph.precision is Precision.BYTES and not prefix.endswith("attention.output."):
        product = _times_blocks(graph, f"{prefix}dense", value, weights.arrays[f"{prefix}dense.weight"])
    else:
        product = _times(graph, weights, f"{prefix}dense", value)
    scale, shift = _norm(graph, weights, f"{prefix}LayerNorm")
    bias = graph.constant(f"{prefix}dense.bias", weights.arrays[f"{prefix}dense.bias"])
    inputs = [product, skipped, scale, shift, bias]
    return graph.put(f"{prefix}norm", "SkipLayerNormalization", inputs, domain=FUSED, epsilon=LAYER_NORM_EPSILON)


def _times(graph: _Graph, weights: EncoderWeights, prefix: str, value: str) -> str:
    matrix = graph.constant(f"{prefix}.weight", weights.arrays[f"{prefix}.weight"].T)
    return graph.put(prefix, "MatMul", [value, matrix])


def _times_blocks(graph: _Graph, name: str, value: str, matrix: Floats) -> str:
    """Multiply by a matrix, (out) x (in), in 8-bit integers with a scale for each block of a row."""
    out, wide = matrix.shape
    blocks = matrix.reshape(out, wide // BLOCK, BLOCK)
    scales = np.maximum(np.abs(blocks).max(axis=2), LENGTH_MIN) / BYTE_MAX
    small = (np.rint(blocks / scales[:, :, None]) + BYTE_ZERO).astype(np.uint8)
    inputs = [
        value,
        graph.full(f"{name}.blocks", small),
        graph.full(f"{name}.scales", scales.astype(np.float32).ravel()),
    ]
    shape = {"K": wide, "N": out, "bits": 8, "block_size": BLOCK, "accuracy_level": _BY_BYTES}
    return graph.put(name, "MatMulNBits", inputs, domain=FUSED, **shape)


def _norm(graph: _Graph, weights: EncoderWeights, prefix: str) -> tuple[str, str]:
    scale, bias = (
        graph.constant(f"{prefix}.{part}", weights.arrays[f"{prefix}.{part}"]) for part in ("weight", "bias")
    )
    return scale, bias


def _linear(graph: _Graph, name: str, value: str, weight: Floats, bias: Floats, output: str = "") -> str:
    product = graph.put(f"{TAIL}{name}_product", "MatMul", [value, graph.full(f"{name}_weight", weight)])
    return graph.put(f"{TAIL}{name}_biased", "Add", [product, graph.full(f"{name}_bias", bias)], output=output)


def _length_one(graph: _Graph, name: str, value: str, output: str = "") -> str:
    # LpNormalization would do it in one, but has no kernel for GPUs.
    length = graph.put(f"{name}_length", "ReduceL2", [value], axes=[1], keepdims=1)
    floor = graph.full("length_min", np.array(LENGTH_MIN, np.float32))
    length = graph.put(f"{name}_floor", "Max", [length, floor])
    return graph.put(f"{name}_unit", "Div", [value, length], output=output)


def _ints(graph: _Graph, name: str, values: list[int]) -> str:
    return graph.full(name, np.array(values, np.int64))
