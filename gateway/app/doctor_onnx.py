"""Try every execution provider that onnxruntime lists, and print which of them a session really runs on.

A process of its own: a broken driver may end the process that loads it. `python -m gateway.app.doctor_onnx`.
"""

import importlib
import json
import sys
from typing import Any, Final

_VARINT: Final = 0
_BYTES: Final = 2


def identity_model() -> bytes:
    """Write the smallest model there is, one Identity, as ONNX (protobuf by hand: the onnx package is large)."""
    shape = _field(2, _field(1, _number(1, 1)))
    kind = _field(2, _field(1, _number(1, 1) + shape))
    node = _field(1, _field(1, b"x") + _field(2, b"y") + _field(4, b"Identity"))
    graph = node + _field(2, b"g") + _field(11, _field(1, b"x") + kind) + _field(12, _field(1, b"y") + kind)
    return _number(1, 8) + _field(7, graph) + _field(8, _number(2, 13))


def _field(number: int, content: bytes) -> bytes:
    assert len(content) < 128, "longer ones need a longer length"
    return bytes([number << 3 | _BYTES, len(content)]) + content


def _number(number: int, value: int) -> bytes:
    return bytes([number << 3 | _VARINT, value])


def usable_providers(runtime: Any, listed: list[str]) -> list[str]:
    """Return the providers that a session asked for them alone really has."""
    model, usable = identity_model(), []
    options = runtime.SessionOptions()
    options.log_severity_level = 4
    for provider in listed:
        try:
            session = runtime.InferenceSession(model, options, providers=[provider])
        except (RuntimeError, ValueError):
            continue
        if provider in session.get_providers():
            usable.append(provider)
    return usable


def main() -> None:
    """Print the version, the providers listed and those usable, as JSON."""
    # By name, since the package is optional and mypy is not to ask for it.
    runtime = importlib.import_module("gateway.adapters.onnx_runtime").onnxruntime
    listed = list(runtime.get_available_providers())
    told = {"version": runtime.__version__, "listed": listed, "usable": usable_providers(runtime, listed)}
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main()
