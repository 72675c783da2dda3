"""Write the tiny encoder of the tests as ONNX: `python -m tests.conformance.servers.write_encoder FILE`.

Runs where the `onnx` package is.
"""

import sys
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tests.support.tiny_encoder import EMBEDDING_WIDTH, LATENT_WIDTH, VOCABULARY, tables

OPSET = 17
VECTOR_WIDTH = 128


def model() -> Any:
    """Build the graph: gather, masked mean, product, length; the vector is the embedding's leading numbers."""
    embeddings, projection = tables()
    constants = {
        "vocabulary": np.array(VOCABULARY, np.int64),
        "embeddings": embeddings,
        "projection": projection,
        "last": np.array([2], np.int64),
        "tokens": np.array([1], np.int64),
        "first": np.array([0], np.int64),
        "end": np.array([VECTOR_WIDTH], np.int64),
    }
    nodes = [
        helper.make_node("Mod", ["input_ids", "vocabulary"], ["rows"]),
        helper.make_node("Gather", ["embeddings", "rows"], ["vectors"]),
        helper.make_node("Cast", ["attention_mask"], ["weights"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["weights", "last"], ["weights_3"]),
        helper.make_node("Mul", ["vectors", "weights_3"], ["kept"]),
        helper.make_node("ReduceSum", ["kept", "tokens"], ["sums"], keepdims=0),
        helper.make_node("ReduceSum", ["weights", "tokens"], ["counts"], keepdims=1),
        helper.make_node("Div", ["sums", "counts"], ["mean"]),
        helper.make_node("MatMul", ["mean", "projection"], ["latent"]),
        helper.make_node("LpNormalization", ["mean"], ["embedding"], axis=1, p=2),
        helper.make_node("Slice", ["embedding", "first", "end", "tokens"], ["vector"]),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny_encoder",
        [
            helper.make_tensor_value_info(name, TensorProto.INT64, ["B", "T"])
            for name in ("input_ids", "attention_mask")
        ],
        [
            helper.make_tensor_value_info("latent", TensorProto.FLOAT, ["B", LATENT_WIDTH]),
            helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["B", EMBEDDING_WIDTH]),
            helper.make_tensor_value_info("vector", TensorProto.FLOAT, ["B", VECTOR_WIDTH]),
        ],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
    made.ir_version = 9
    onnx.checker.check_model(made)
    return made


if __name__ == "__main__":
    onnx.save(model(), sys.argv[1])
