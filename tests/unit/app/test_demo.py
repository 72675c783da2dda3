import importlib.util
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from gateway.app.demo import demo

app = typer.Typer()
app.command()(demo)

EXTRAS = ("gguf", "openai", "xllamacpp")


def test_the_command_can_be_loaded_without_the_extra() -> None:
    code = f"import sys, gateway.app.demo; sys.exit(any(name in sys.modules for name in {EXTRAS}))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.skipif(not all(map(importlib.util.find_spec, EXTRAS)), reason="the demo extra is not installed")
def test_a_port_in_use_ends_the_demo_with_the_way_out_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        command = [sys.executable, "-m", "gateway", "demo", "--port", str(port)]
        ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode == 3
    assert ended.stderr.startswith(f"The demo cannot run: port {port} cannot be used")
    assert "Logs are in" not in ended.stderr
    assert not list(tmp_path.iterdir())


def test_the_help_has_an_example() -> None:
    assert "tiergate demo --keep --port 8080" in CliRunner().invoke(app, ["--help"]).stdout
