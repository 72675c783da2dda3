"""What the runtime leaves behind, and sends, where it is loaded."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("onnxruntime")


@pytest.mark.parametrize(
    ("loaded", "leaves_nothing"),
    [("gateway.adapters.encoder_session", True), ("router_models.encoder_build", True), ("onnxruntime", False)],
)
def test_the_runtime_is_loaded_without_its_telemetry(loaded: str, leaves_nothing: bool, tmp_path: Path) -> None:
    # A session of its telemetry begins with a file; the last case shows that this is still how to tell.
    places = {name: str(tmp_path) for name in ("TMPDIR", "HOME", "XDG_CACHE_HOME")}
    # The runtime looks into the environment whether it is being tested, and is silent then.
    subprocess.run([sys.executable, "-c", f"import {loaded}"], env={"PATH": os.defpath} | places, check=True)
    left = [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")]
    assert (not left) is leaves_nothing, left


def test_who_wants_it_may_have_it(tmp_path: Path) -> None:
    code = "import os, gateway.adapters.onnx_runtime; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    for given, wanted in ({}, "1"), ({"ORT_DISABLE_TELEMETRY": "0"}, "0"):
        others = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
        environment = others | {"TMPDIR": str(tmp_path)} | given
        told = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
        assert told.stdout.strip() == wanted
