"""What several files of these tests start."""

import importlib.util
from pathlib import Path

import pytest

from gateway.app.demo_models import write_model


@pytest.fixture(scope="session")
def nano_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The weights of a tiny model. Mark tests that use them `servers`."""
    if importlib.util.find_spec("xllamacpp") is None:
        pytest.skip("xllamacpp is not installed, so no real model server can run")
    file = tmp_path_factory.mktemp("weights") / "nano.gguf"
    write_model("nano", file)
    return file
