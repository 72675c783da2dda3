"""A real Prometheus for those that ask for one."""

import pytest

from tests.deploy.prometheus import COMMAND, Tools, tools
from tests.support.must_run import lacks


@pytest.fixture(scope="session")
def prometheus_tools() -> Tools:
    """Prometheus and promtool. Without them the test is skipped, and in CI fails."""
    found = tools()
    if found is None:
        lacks("prometheus", f"prometheus and promtool are not installed: {COMMAND} (needs apt-get), or on the PATH")
    return found
