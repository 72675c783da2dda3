"""A BERT encoder in plain NumPy, written from its definition: what the ONNX graph is compared with."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf

from router_models.encoder_weights import EncoderWeights

Floats = NDArray[np.float64]
PIECES = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")


def hidden_layers(weights: EncoderWeights, ids: Sequence[int]) -> list[Floats]:
    """Return (tokens) x (width) for each layer, of one text."""
    arrays = {name: array.astype(np.float64) for name, array in weights.arrays.items()}
    hidden = arrays["embeddings.word_embeddings.weight"][list(ids)]
    hidden = hidden + arrays["embeddings.position_embeddings.weight"][: len(ids)]
    hidden = hidden + arrays["embeddings.token_type_embeddings.weight"][0]
    hidden = _normalised(arrays, "embeddings.LayerNorm", hidden)
    layers = []
    for layer in range(weights.layers):
        hidden = _layer(arrays, f"encoder.layer.{layer}.", hidden, weights.attention_heads)
        layers.append(hidden)
    return layers


def pools(weights: EncoderWeights, ids: Sequence[int]) -> Floats:
    """Return the mean of each of the last three layers brought to length 1, side by side."""
    means = [layer.mean(axis=0) for layer in hidden_layers(weights, ids)[-3:]]
    return np.concatenate([mean / np.linalg.norm(mean) for mean in means])


def small_weights(width: int = 32, layers: int = 4, vocabulary: int = 60) -> EncoderWeights:
    """Return an encoder of chance numbers, small and of two attention heads."""
    chance = np.random.default_rng(11)

    def draw(*shape: int, around: float = 0.0) -> NDArray[np.float32]:
        return (around + chance.normal(scale=0.2, size=shape)).astype(np.float32)

    arrays = {
        "embeddings.word_embeddings.weight": draw(vocabulary, width),
        "embeddings.position_embeddings.weight": draw(512, width),
        "embeddings.token_type_embeddings.weight": draw(2, width),
    }
    norms = ["embeddings.LayerNorm"]
    for layer in range(layers):
        prefix = f"encoder.layer.{layer}."
        norms += [f"{prefix}attention.output.LayerNorm", f"{prefix}output.LayerNorm"]
        shapes = {f"attention.self.{part}": (width, width) for part in ("query", "key", "value")}
        shapes |= {"attention.output.dense": (width, width)}
        shapes |= {"intermediate.dense": (4 * width, width), "output.dense": (width, 4 * width)}
        for name, shape in shapes.items():
            arrays[f"{prefix}{name}.weight"] = draw(*shape)
            arrays[f"{prefix}{name}.bias"] = draw(shape[0])
    for norm in norms:
        arrays[f"{norm}.weight"], arrays[f"{norm}.bias"] = draw(width, around=1.0), draw(width)
    letters = [f"w{chr(97 + number // 26)}{chr(97 + number % 26)}" for number in range(vocabulary - len(PIECES))]
    return EncoderWeights(arrays, (*PIECES, *letters), attention_heads=2)


def _layer(arrays: Mapping[str, Floats], prefix: str, hidden: Floats, heads: int) -> Floats:
    query, key, value = (
        _affine(arrays, f"{prefix}attention.self.{part}", hidden) for part in ("query", "key", "value")
    )
    size = hidden.shape[1] // heads
    seen = []
    for head in range(heads):
        own = slice(head * size, (head + 1) * size)
        match = query[:, own] @ key[:, own].T / np.sqrt(size)
        share = np.exp(match - match.max(axis=1, keepdims=True))
        seen.append(share / share.sum(axis=1, keepdims=True) @ value[:, own])
    out = _affine(arrays, f"{prefix}attention.output.dense", np.concatenate(seen, axis=1))
    hidden = _normalised(arrays, f"{prefix}attention.output.LayerNorm", hidden + out)
    wide = _affine(arrays, f"{prefix}intermediate.dense", hidden)
    bent = wide * (1 + erf(wide / np.sqrt(2))) / 2
    return _normalised(arrays, f"{prefix}output.LayerNorm", hidden + _affine(arrays, f"{prefix}output.dense", bent))


def _affine(arrays: Mapping[str, Floats], name: str, value: Floats) -> Floats:
    product: Floats = value @ arrays[f"{name}.weight"].T + arrays[f"{name}.bias"]
    return product


def _normalised(arrays: Mapping[str, Floats], name: str, value: Floats) -> Floats:
    spread = np.sqrt(value.var(axis=1, keepdims=True) + 1e-12)
    even: Floats = (value - value.mean(axis=1, keepdims=True)) / spread
    return even * arrays[f"{name}.weight"] + arrays[f"{name}.bias"]
