"""A real Prometheus for those that ask for one."""

import os

import pytest

from tests.deploy.prometheus import COMMAND, Tools, tools

MUST_RUN = "TIERGATE_MUST_RUN"
"""A variable of the environment: the marks whose tests may not be skipped for want of a program. CI sets it."""


@pytest.fixture(scope="session")
def prometheus_tools() -> Tools:
    """Prometheus and promtool. Without them the test is skipped, and in CI fails."""
    found = tools()
    if found is None:
        lacking = f"prometheus and promtool are not installed: {COMMAND} (needs apt-get), or put them on the PATH"
        if "prometheus" in os.environ.get(MUST_RUN, "").split(","):
            pytest.fail(lacking)
        pytest.skip(lacking)
    return found
