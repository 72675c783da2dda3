"""The fits of the small world, made once for all that reads them."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that keeps fits. Files that use it belong to one group of tests, or each worker makes its own."""
    return tmp_path_factory.mktemp("fits")
