"""A model of Triton's Python backend that runs an ONNX encoder: for Tritons that come without the ONNX backend.

Triton calls it with what it batched; it passes the batch through in one.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import triton_python_backend_utils as triton  # type: ignore[import-not-found]  # Triton brings it along

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import onnxruntime  # noqa: TID251 — what it reads as it is loaded is said above

INPUTS = ("input_ids", "attention_mask")


class TritonPythonModel:
    """The name is Triton's."""

    def initialize(self, args: dict[str, str]) -> None:
        """Load the ONNX file beside this one."""
        file = Path(args["model_repository"]) / args["model_version"] / "model.onnx"
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])

    def execute(self, requests: Sequence[Any]) -> list[Any]:
        """Answer a batch."""
        given = {
            name: [triton.get_input_tensor_by_name(request, name).as_numpy() for request in requests] for name in INPUTS
        }
        wanted = sorted({name for request in requests for name in request.requested_output_names()})
        rows = self._session.run(wanted, {name: np.concatenate(parts) for name, parts in given.items()})
        ends = np.cumsum([len(part) for part in given[INPUTS[0]]])
        answers = []
        for request, end, part in zip(requests, ends, given[INPUTS[0]], strict=True):
            asked = set(request.requested_output_names())
            tensors = [
                triton.Tensor(name, row[end - len(part) : end])
                for name, row in zip(wanted, rows, strict=True)
                if name in asked
            ]
            answers.append(triton.InferenceResponse(tensors))
        return answers
