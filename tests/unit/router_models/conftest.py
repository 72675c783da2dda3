"""The fits of the small world, made once for all that reads them."""

from pathlib import Path

import pytest

from router_models.evaluate import PROTOCOLS, evaluate
from router_models.report import Part
from tests.support.routing_bench import a_bench


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that keeps fits. Files that use it belong to one group of tests, or each worker makes its own."""
    return tmp_path_factory.mktemp("fits")


@pytest.fixture(scope="session")
def evaluated(kept: Path) -> Part:
    """Return what all protocols find there, where nobody has measured how long the stages take."""
    done: list[str] = []
    part = evaluate(a_bench(kept, lambda _: None), list(PROTOCOLS), done.append)
    assert done == list(PROTOCOLS)
    return part
