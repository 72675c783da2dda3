"""A Prometheus as a process of its own: started, asked, and stopped."""

import math
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.support.networks import free_port

READY_WITHIN_S = 20.0
_LOOK_S = 0.05


@dataclass(frozen=True, slots=True)
class Prometheus:
    """One that runs."""

    client: httpx.Client
    """Of this Prometheus; what it is asked for is relative to its address."""

    def values(self, expression: str, *, back_s: float, step_s: float = 1.0) -> list[float]:
        """Return every finite sample of every series that the expression had over the last seconds.

        Raises AssertionError with Prometheus' own words for an expression that it does not understand.
        """
        now_s = time.time()
        asked = {"query": expression, "start": f"{now_s - back_s}", "end": f"{now_s}", "step": f"{step_s}"}
        told = self.client.get("/api/v1/query_range", params=asked).json()
        assert told["status"] == "success", f"{expression}: {told.get('error')}"
        found = [float(value) for series in told["data"]["result"] for _, value in series["values"]]
        return [value for value in found if math.isfinite(value)]

    def alarms(self) -> set[str]:
        """Return the names of the alarms that ring."""
        told = self.client.get("/api/v1/alerts").json()["data"]["alerts"]
        return {alarm["labels"]["alertname"] for alarm in told if alarm["state"] == "firing"}

    def targets(self) -> list[str]:
        """Return the addresses that are scraped."""
        told = self.client.get("/api/v1/targets").json()["data"]["activeTargets"]
        return [target["scrapeUrl"] for target in told]


@contextmanager
def running_prometheus(program: Path, settings: Path, folder: Path) -> Iterator[Prometheus]:
    """Start it with these settings and its data in the folder, wait until it is ready, and stop it at the end."""
    address = f"127.0.0.1:{free_port()}"
    command = [str(program), f"--config.file={settings}", f"--storage.tsdb.path={folder / 'data'}"]
    command += [f"--web.listen-address={address}", "--log.level=warn"]
    log = folder / "prometheus.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True)
    try:
        with httpx.Client(base_url=f"http://{address}", trust_env=False, timeout=30.0) as client:
            _wait_until_ready(client, process, log)
            yield Prometheus(client)
    finally:
        process.terminate()
        process.wait(READY_WITHIN_S)


def _wait_until_ready(client: httpx.Client, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline_s = time.monotonic() + READY_WITHIN_S
    while process.poll() is None and time.monotonic() < deadline_s:
        try:
            if client.get("/-/ready").status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            pass
        time.sleep(_LOOK_S)
    raise AssertionError(f"Prometheus did not start:\n{log.read_text()[-2000:]}")
