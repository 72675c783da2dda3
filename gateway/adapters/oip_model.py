"""What we ask of a model server that speaks the Open Inference Protocol v2, whichever way it is reached."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from gateway.adapters.encoder_model import Floats
from gateway.adapters.remote_trouble import BadAnswer, Misfit, Refused, Unreachable
from gateway.domain.remote_model import RemoteModel

INPUT_IDS: Final = "input_ids"
ATTENTION_MASK: Final = "attention_mask"
LATENT: Final = "latent"
EMBEDDING: Final = "embedding"
FAMILIARITY: Final = "familiarity"
"""An encoder may tell how much of a text it has seen; it is asked where the server names it."""
VECTOR: Final = "vector"
"""Where a text lies in the space of the static table; it is asked where the server names it."""
INPUT_TYPE: Final = "INT64"
OUTPUT_TYPE: Final = "FP32"
EMBEDDING_WIDTH: Final = 384
"""Of the MiniLM encoder."""

TOKEN_STEP: Final = 32
"""Lengths are padded up to a multiple of this: servers batch only requests of one shape, and eight shapes up to 256
tokens still meet others of their kind. On average it adds 16 tokens, which costs less than a batch that is not made."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """An input or output as a server describes it; -1 stands for a dimension that varies."""

    name: str
    datatype: str
    shape: tuple[int, ...]

    def __str__(self) -> str:
        return f"`{self.name}` {self.datatype} [{', '.join(map(str, self.shape))}]"


@dataclass(frozen=True, slots=True)
class ServedModel:
    """What a server says it serves under a model's name. `is_binary`: it can write numbers as they are into HTTP."""

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    is_binary: bool = False

    @property
    def wanted(self) -> tuple[str, ...]:
        """Name the outputs to ask for."""
        named = {tensor.name for tensor in self.outputs}
        return (LATENT, EMBEDDING, *(name for name in (FAMILIARITY, VECTOR) if name in named))


Rows = Mapping[str, Floats]
"""What was answered of one text, by output: one-dimensional and finite."""


class InferenceServer(Protocol):
    """One model on one server. Every call raises RemoteTrouble; whoever calls limits how long it waits."""

    async def is_ready(self) -> bool:
        """Tell whether the server takes questions."""

    async def served_model(self) -> ServedModel:
        """Return what the model takes and gives. Raises Refused when the server will not have us or the model."""

    async def is_loaded(self) -> bool:
        """Tell whether the model takes questions. Of a model that there is not, servers say different things."""

    async def infer(self, ids: Sequence[int], mask: Sequence[int], served: ServedModel, timeout_s: float) -> Rows:
        """Return the wanted outputs for one text. `timeout_s` tells the server how long its answer is of use."""

    async def aclose(self) -> None:
        """Let go of what belongs to this server alone."""


def padded(ids: Sequence[int]) -> tuple[list[int], list[int]]:
    """Return the token ids filled up with zeros to a step of length, and the mask that tells them apart."""
    fill = -len(ids) % TOKEN_STEP
    return [*ids, *[0] * fill], [1] * len(ids) + [0] * fill


def row_of(name: str, datatype: str, shape: Sequence[int], numbers: Floats) -> Floats:
    """Return the one row of an output once it is sure to be what its description promises. Raises BadAnswer."""
    if datatype != OUTPUT_TYPE or shape[:1] != [1] or np.prod(shape) != numbers.size:
        raise BadAnswer(f"its `{name}` is {datatype} {[*shape]}, and holds {numbers.size} numbers")
    if not np.isfinite(numbers).all():
        raise BadAnswer(f"its `{name}` holds what is no number")
    return numbers


def rows_of(found: Rows, wanted: Sequence[str]) -> Rows:
    """Return the answer if all is there that was asked for. Raises BadAnswer."""
    for name in wanted:
        if name not in found:
            raise BadAnswer(f"its answer has no `{name}`")
    return found


def misfits(served: ServedModel, width: int) -> list[str]:
    """Return in what a served model differs from ours, whose `latent` has `width` numbers; empty when it fits.

    Further outputs do no harm; a further input could not be filled.
    """
    inputs = [Tensor(name, INPUT_TYPE, (-1, -1)) for name in (INPUT_IDS, ATTENTION_MASK)]
    outputs = [Tensor(LATENT, OUTPUT_TYPE, (-1, width)), Tensor(EMBEDDING, OUTPUT_TYPE, (-1, EMBEDDING_WIDTH))]
    found = [*_differences("input", inputs, served.inputs), *_differences("output", outputs, served.outputs)]
    wanted = {tensor.name for tensor in inputs}
    return found + [f"it wants a further input {tensor}" for tensor in served.inputs if tensor.name not in wanted]


def _differences(kind: str, wanted: Iterable[Tensor], served: Sequence[Tensor]) -> list[str]:
    by_name = {tensor.name: tensor for tensor in served}
    found = []
    for tensor in wanted:
        has = by_name.get(tensor.name)
        if has is None:
            names = ", ".join(f"`{name}`" for name in by_name) or "none"
            found.append(f"{kind} {tensor} is missing; its {kind}s are {names}")
        elif (has.datatype, has.shape[1:]) != (tensor.datatype, tensor.shape[1:]) or has.shape[:1] not in {(-1,), (1,)}:
            found.append(f"{kind} {has} should be {tensor}")
    return found


def misfit_text(remote: RemoteModel, found: Iterable[str]) -> str:
    """Say what is wrong with a server, where it is, and how to mend it."""
    return (
        f"The remote scorer at {remote.base_url} ({remote.protocol}) does not serve this gateway's difficulty model as "
        f"{remote.model!r}: {'; '.join(found)}. Serve the encoder of the artefact that this gateway runs with (see "
        "deploy/triton/README.md), or name the right one under `classifier: remote:`."
    )


async def look(server: InferenceServer, remote: RemoteModel, width: int, timeout_s: float) -> ServedModel:
    """See whether the server is up, serves our model, and answers one question with it; return what it serves.

    Raises Misfit, or RemoteTrouble when that cannot be told at present. The one question also warms the model up.
    """
    if not await server.is_ready():
        raise Unreachable("the server is up, but not ready")
    try:
        served = await server.served_model()
    except Refused as refused:
        raise Misfit(misfit_text(remote, [str(refused)])) from refused
    found = misfits(served, width)
    if found:
        raise Misfit(misfit_text(remote, found))
    if not await server.is_loaded():
        raise Unreachable("the server is up, but has not loaded the model")
    ids, mask = padded([0])
    rows = await server.infer(ids, mask, served, timeout_s)
    for name, size in ((LATENT, width), (EMBEDDING, EMBEDDING_WIDTH)):
        if rows[name].size != size:
            found.append(f"it answers with {rows[name].size} numbers as `{name}` where {size} belong")
    if found:
        raise Misfit(misfit_text(remote, found))
    return served
