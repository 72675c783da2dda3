"""The scripted model server as a process of its own, for gateways that outlive a test's event loop."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx


@dataclass(frozen=True, slots=True)
class FaultProcess:
    """Where it listens. `base_url` ends with `/v1`."""

    base_url: str

    def requests(self, model: str) -> list[dict[str, Any]]:
        """Return what was asked of that model, in order, and what became of it."""
        answer = httpx.get(self.base_url.removesuffix("/v1") + "/control/requests", trust_env=False)
        return [seen for seen in answer.json() if seen["model"] == model]


@contextmanager
def running_fault_server(port: int = 0, module: str = "tests.support.fault_server") -> Iterator[FaultProcess]:
    """Start it on the port, 0 for a free one; end it afterwards. Another `module` may run it with other scripts."""
    command = [sys.executable, "-m", module, "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith("listening on "), "the scripted server did not start"
            yield FaultProcess(line.split()[-1])
        finally:
            process.kill()
