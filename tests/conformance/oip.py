"""Real v2 inference servers before the gateway's remote scorer: kserve's model server, and NVIDIA Triton.

    python -m tests.conformance.oip              # install both, then run the tests that use them: two minutes
    python -m tests.conformance.oip --install    # only install; the gate runs those tests from then on

Each gets an environment of its own below the cache folder that `tests.conformance` keeps its environments in: kserve
400 MB, Triton (as `nvidia-pytriton` packs it: the server itself, with the Python backend alone) 370 MB.
"""

import argparse
import subprocess
import sys
from pathlib import Path

from tests.conformance.environments import KEPT, python_environment

KSERVE = ("kserve==0.21.0", "onnxruntime==1.31.1", "onnx==1.23.2", "tritonclient[grpc]==2.73.0")
TRITON = ("nvidia-pytriton==0.7.0", "onnxruntime==1.31.1")
TESTS = "tests/contract/test_real_inference_servers.py"


def kserve_python() -> Path:
    """Return where the interpreter with kserve is, once installed."""
    return KEPT / "kserve" / "bin" / "python"


def triton_python() -> Path:
    """Return where the interpreter with Triton is, once installed."""
    return KEPT / "triton" / "bin" / "python"


def main() -> int:
    """Install, and run the tests; return pytest's exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance.oip", description=__doc__.splitlines()[0])
    parser.add_argument("--install", action="store_true", help="install only")
    given = parser.parse_args()
    for name, packages in (("kserve", KSERVE), ("triton", TRITON)):
        python_environment(KEPT / name, packages)
        sys.stdout.write(f"{name}: {KEPT / name}\n")
        sys.stdout.flush()
    if given.install:
        return 0
    return subprocess.run([sys.executable, "-m", "pytest", "-rs", TESTS], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
