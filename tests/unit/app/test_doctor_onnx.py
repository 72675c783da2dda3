import importlib.util
import json
import subprocess
import sys

import pytest

from gateway.app.doctor_onnx import identity_model

HAS_RUNTIME = importlib.util.find_spec("onnxruntime") is not None


def test_the_model_is_protobuf_with_one_identity() -> None:
    model = identity_model()
    assert model[:2] == bytes([0x08, 8])
    assert b"Identity" in model
    assert len(model) < 128


@pytest.mark.skipif(not HAS_RUNTIME, reason="onnxruntime is not installed")
def test_the_real_runtime_takes_the_model() -> None:
    command = [sys.executable, "-m", "gateway.app.doctor_onnx"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert "CPUExecutionProvider" in json.loads(run.stdout)["usable"]
