"""ONNX Runtime, kept from telling its maker what runs here. Everything that uses it takes it from this module.

Since 1.27 its packages for Linux and macOS write an identifier of the machine to disk and send events of sessions and
models to a server of Microsoft, unless a variable of the environment says no before it is loaded (pull request 27379 of
microsoft/onnxruntime). A gateway sends nothing that nobody asked for. Who wants it sets the variable to 0.
"""

import os

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import onnxruntime  # noqa: TID251 — what it reads as it is loaded is said above

__all__ = ["onnxruntime"]
