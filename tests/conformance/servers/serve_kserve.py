"""Serve an ONNX encoder with kserve's own model server, HTTP and gRPC, on the CPU. Runs where `kserve` is.

python -m tests.conformance.servers.serve_kserve --onnx FILE --name MODEL --http_port N --grpc_port N
"""

import os
from collections.abc import Mapping
from typing import Any

import kserve  # type: ignore[import-not-found]  # installed for this script alone
from kserve import InferInput, InferOutput, InferRequest, InferResponse, model_server

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import onnxruntime  # noqa: TID251 — what it reads as it is loaded is said above

TYPES = {"tensor(int64)": "INT64", "tensor(float)": "FP32"}


class Encoder(kserve.Model):  # type: ignore[misc]  # nor is its type known here
    """What the ONNX file says, in the words of the protocol."""

    def __init__(self, name: str, file: str) -> None:
        super().__init__(name)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
        self.ready = True

    def get_input_types(self) -> list[dict[str, Any]]:
        """Describe the inputs."""
        return [_described(each) for each in self._session.get_inputs()]

    def get_output_types(self) -> list[dict[str, Any]]:
        """Describe the outputs."""
        return [_described(each) for each in self._session.get_outputs()]

    def predict(self, payload: InferRequest, headers: Mapping[str, str] | None = None) -> InferResponse:
        """Run the model on one request."""
        given: list[InferInput] = payload.inputs
        asked = [each.name for each in payload.request_outputs or ()] or [e.name for e in self._session.get_outputs()]
        arrays = self._session.run(asked, {each.name: each.as_numpy() for each in given})
        outputs = []
        for name, array in zip(asked, arrays, strict=True):
            output = InferOutput(name, list(array.shape), "FP32")
            output.set_data_from_numpy(array, binary_data=payload.from_grpc)
            outputs.append(output)
        # kserve does not answer without an id, though the protocol lets requests come without one.
        return InferResponse(payload.id or "none", self.name, outputs)


def _described(node: Any) -> dict[str, Any]:
    shape = [size if isinstance(size, int) else -1 for size in node.shape]
    return {"name": node.name, "datatype": TYPES[node.type], "shape": shape}


if __name__ == "__main__":
    model_server.parser.add_argument("--onnx", required=True)
    arguments, _ = model_server.parser.parse_known_args()
    kserve.ModelServer(http_port=arguments.http_port, grpc_port=arguments.grpc_port, workers=1).start(
        [Encoder(arguments.model_name, arguments.onnx)]
    )
