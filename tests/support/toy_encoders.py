"""Encoders for tests: a real ONNX file of two layers, and a model whose passes a test lets go one by one."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from gateway.adapters.encoder_batches import Lane
from gateway.adapters.encoder_model import CannotEncode, Encoded, EncoderFailed, Floats, Ids, Passed
from gateway.core.batching import BatchRules
from gateway.domain.ability import ClassifierOutcome
from tests.support.clocks import ManualClock

EMBEDDING = 16
OPSET = 17
_TURNS = 5
"""Of the event loop: more than any chain of callbacks here has links."""
T = TypeVar("T")


def write_toy_encoder(
    path: Path,
    *,
    vocabulary: int,
    latent: int,
    has_familiarity: bool = False,
    has_vector: bool = False,
    latent_name: str = "latent",
) -> None:
    """Write an encoder: the mean of its tokens' vectors, brought to length 1, and a linear map of that."""
    chance = np.random.default_rng(7)
    table = chance.normal(size=(vocabulary, EMBEDDING)).astype(np.float32)
    weights = chance.normal(size=(EMBEDDING, latent)).astype(np.float32)
    nodes = [
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["mask", "last"], ["column"]),
        helper.make_node("Gather", ["table", "input_ids"], ["vectors"]),
        helper.make_node("Mul", ["vectors", "column"], ["read"]),
        helper.make_node("ReduceSum", ["read", "tokens"], ["sum"], keepdims=0),
        helper.make_node("ReduceL2", ["sum"], ["size"], axes=[1], keepdims=1),
        helper.make_node("Div", ["sum", "size"], ["embedding"]),
        helper.make_node("MatMul", ["embedding", "weights"], [latent_name]),
    ]
    outputs = [
        helper.make_tensor_value_info(latent_name, TensorProto.FLOAT, ["texts", latent]),
        helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["texts", EMBEDDING]),
    ]
    if has_familiarity:
        nodes.append(helper.make_node("ReduceMean", ["mask"], ["familiarity"], axes=[1], keepdims=0))
        outputs.append(helper.make_tensor_value_info("familiarity", TensorProto.FLOAT, ["texts"]))
    if has_vector:
        nodes.append(helper.make_node("Neg", ["embedding"], ["vector"]))
        outputs.append(helper.make_tensor_value_info("vector", TensorProto.FLOAT, ["texts", EMBEDDING]))
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["texts", "tokens"])
        for name in ("input_ids", "attention_mask")
    ]
    constants = [
        numpy_helper.from_array(table, "table"),
        numpy_helper.from_array(weights, "weights"),
        numpy_helper.from_array(np.array([-1], dtype=np.int64), "last"),
        numpy_helper.from_array(np.array([1], dtype=np.int64), "tokens"),
    ]
    graph = helper.make_graph(nodes, "toy", inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=9)
    onnx.save(model, path)


@dataclass(slots=True)
class ScriptedModel:
    """An encoder that says of a text how many tokens it has, and fails when it is told to."""

    device: str = "cpu"
    fails: bool = False
    is_mad: bool = False
    familiarity: float | None = None
    latent: int = 2
    passes: list[tuple[int, int]] = field(default_factory=list)
    """Shape of each batch."""

    def warm_up(self, shapes: list[tuple[int, int]]) -> None:
        """Pass batches of these shapes through."""
        for shape in shapes:
            ones = np.ones(shape, dtype=np.int64)
            self.run(ones, ones)

    def run(self, ids: Ids, mask: Ids) -> Passed:
        """Count the tokens."""
        self.passes.append((ids.shape[0], ids.shape[1]))
        if self.fails:
            raise EncoderFailed(f"the encoder failed on {self.device}")
        tokens: Floats = mask.sum(axis=1, dtype=np.float32)
        signs = np.resize(np.array([1.0, -1.0], dtype=np.float32), self.latent)
        latent: Floats = np.outer(tokens, signs * np.nan if self.is_mad else signs).astype(np.float32)
        embedding = np.tile(np.array([1.0, 0.0, -1.0], dtype=np.float32), (len(ids), 1))
        known = None if self.familiarity is None else np.full(len(ids), self.familiarity, dtype=np.float32)
        return Passed(latent, embedding, known)


CPU_LANE = Lane(ScriptedModel(), BatchRules(0.0, 1, 1, 0.06), 16, ClassifierOutcome.ENCODER_CPU)


@dataclass(slots=True)
class CountedEncoding:
    """Holds to `Encoding`: says of a text how long it is, embeds it as its ids, and counts how often it was asked."""

    lane: Lane | None = CPU_LANE
    trouble: ClassifierOutcome | None = None
    asked: list[int] = field(default_factory=list)
    is_full: bool = False

    async def encode(self, row: Sequence[int]) -> Encoded | ClassifierOutcome:
        """Note the length of the text."""
        self.asked.append(len(row))
        return self.trouble or Encoded((float(len(row)),), bytes(row), None)


@dataclass(slots=True)
class HeldAside:
    """`Aside` by hand: work waits until a test lets it go."""

    waiting: list[Callable[[], None]] = field(default_factory=list)

    def __call__(self, work: Callable[[], T]) -> Awaitable[T]:
        """Keep the work."""
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()

        def go() -> None:
            try:
                result = work()
            except (EncoderFailed, CannotEncode) as error:
                done.set_exception(error)
            else:
                done.set_result(result)

        self.waiting.append(go)
        return done

    async def let_go(self, passes: int = 1) -> None:
        """Do the work that has waited longest, and let everybody notice."""
        for _ in range(passes):
            self.waiting.pop(0)()
            await breathe()


@dataclass(slots=True)
class HandTimer:
    """A timer of `HandTimers`."""

    due_s: float
    action: Callable[[], None]
    is_cancelled: bool = False

    def cancel(self) -> None:
        """Never act."""
        self.is_cancelled = True


@dataclass(slots=True)
class HandTimers:
    """`call_later` on a clock that a test moves."""

    clock: ManualClock
    timers: list[HandTimer] = field(default_factory=list)

    def __call__(self, delay_s: float, action: Callable[[], None]) -> HandTimer:
        """Set a timer."""
        timer = HandTimer(self.clock.now_s() + delay_s, action)
        self.timers.append(timer)
        return timer

    async def advance(self, seconds: float) -> None:
        """Let time pass, from one timer to the next."""
        end_s = self.clock.now_s() + seconds
        while (timer := self._next(end_s)) is not None:
            self.timers.remove(timer)
            self.clock.advance(max(0.0, timer.due_s - self.clock.now_s()))
            timer.action()
            await breathe()
        self.clock.advance(end_s - self.clock.now_s())
        await breathe()

    def _next(self, end_s: float) -> HandTimer | None:
        self.timers = [timer for timer in self.timers if not timer.is_cancelled]
        due = [timer for timer in self.timers if timer.due_s <= end_s]
        return min(due, key=lambda timer: timer.due_s, default=None)


async def breathe() -> None:
    """Let everything run that can."""
    for _ in range(_TURNS):
        await asyncio.sleep(0)
