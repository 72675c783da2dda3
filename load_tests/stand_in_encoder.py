"""An encoder that takes as much arithmetic as MiniLM and means nothing, for machines without the real one.

Six layers of the same matrix products, 10.6 million multiplications a token, with weights by chance and no attention.
"""

import string
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

WIDTH, INNER, LAYERS = 384, 1_536, 6
OPSET, IR_VERSION = 17, 9


def vocabulary() -> list[str]:
    """Return special pieces and single letters: every text then fills the encoder's window."""
    letters = string.ascii_lowercase + string.digits
    return ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *letters, *(f"##{letter}" for letter in letters)]


def write_stand_in(path: Path, latent: int) -> None:
    """Write the model."""
    chance = np.random.default_rng(7)
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["layer0"]),
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
    ]
    weights = {"table": (len(vocabulary()), WIDTH), "head": (WIDTH, latent)}
    for layer in range(LAYERS):
        shapes = [(WIDTH, WIDTH)] * 4 + [(WIDTH, INNER), (INNER, WIDTH)]
        at = f"layer{layer}"
        for step, shape in enumerate(shapes):
            weights[f"w{layer}_{step}"] = shape
            to = f"layer{layer + 1}" if step == len(shapes) - 1 else f"s{layer}_{step}"
            nodes.append(helper.make_node("MatMul", [at, f"w{layer}_{step}"], [f"{to}_raw"]))
            nodes.append(helper.make_node("Tanh", [f"{to}_raw"], [to]))
            at = to
    nodes += [
        helper.make_node("Unsqueeze", ["mask", "last"], ["column"]),
        helper.make_node("Mul", [f"layer{LAYERS}", "column"], ["read"]),
        helper.make_node("ReduceSum", ["read", "tokens"], ["sum"], keepdims=0),
        helper.make_node("ReduceL2", ["sum"], ["size"], axes=[1], keepdims=1),
        helper.make_node("Div", ["sum", "size"], ["embedding"]),
        helper.make_node("MatMul", ["embedding", "head"], ["latent"]),
    ]
    constants = [
        numpy_helper.from_array((chance.normal(size=shape) / shape[0] ** 0.5).astype(np.float32), name)
        for name, shape in weights.items()
    ]
    constants += [
        numpy_helper.from_array(np.array([-1], dtype=np.int64), "last"),
        numpy_helper.from_array(np.array([1], dtype=np.int64), "tokens"),
    ]
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["texts", "length"])
        for name in ("input_ids", "attention_mask")
    ]
    outputs = [
        helper.make_tensor_value_info("latent", TensorProto.FLOAT, ["texts", latent]),
        helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["texts", WIDTH]),
    ]
    graph = helper.make_graph(nodes, "stand_in", inputs, outputs, constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION), path)
