"""The command, as far as a test can wait for it: nothing that it starts outlives it."""

import subprocess
import sys
from pathlib import Path

import pytest

from load_tests.proc import process_tree
from tests.support.redis_server import wait_until

pytestmark = pytest.mark.servers

STARTS_WITHIN_S = 60.0
ENDS_WITHIN_S = 20.0


def is_alive(pid: int) -> bool:
    """Tell whether there is such a process, other than one whose parent has not looked yet how it ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except OSError:
        return False


@pytest.mark.usefixtures("nano_model")
def test_a_campaign_whose_starter_is_killed_leaves_no_process(tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    command = [sys.executable, "-m", "tests.chaos", "--faults", "1", "--keep", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as starter:
        try:
            wait_until(lambda: len(list(folder.glob("*.log"))) >= 9, STARTS_WITHIN_S)
            started = [stat.pid for stat in process_tree(starter.pid)]
        finally:
            starter.kill()
    assert len(started) > 9, "the starter, the campaign, Redis, six model servers and gateways"
    wait_until(lambda: not any(map(is_alive, started)), ENDS_WITHIN_S)
