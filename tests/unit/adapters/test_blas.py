"""How many threads multiply matrices in a command."""

import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize(("given", "threads"), [({}, 1), ({"OPENBLAS_NUM_THREADS": "2"}, 2)])
def test_one_thread_multiplies_unless_another_number_is_wished(given: dict[str, str], threads: int) -> None:
    code = (
        "import os, sys; from gateway.app.cli import PARTS, load; assert 'numpy' not in sys.modules;"
        "load(PARTS[1]); assert 'numpy' in sys.modules; print(os.environ['OPENBLAS_NUM_THREADS'])"
    )
    others = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    asked = subprocess.run([sys.executable, "-c", code], env=others | given, capture_output=True, text=True, check=True)
    assert int(asked.stdout) == threads
