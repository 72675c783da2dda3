"""The command line as a whole: help, version, exit codes, and what loading it costs."""

import subprocess
import sys
from importlib.metadata import version

import pytest
import typer
from typer.testing import CliRunner

from gateway.app.cli import PARTS, Part, app, load
from gateway.app.cli_output import EXIT_CODES, EXIT_USAGE

COMMANDS = [
    ("serve",),
    ("explain",),
    ("calibrate",),
    ("cache",),
    ("cache", "stats"),
    ("cache", "purge"),
    ("cache", "explain"),
    ("doctor",),
    ("demo",),
    ("policy", "check"),
    ("policy", "schema"),
    ("policy", "explain"),
    ("policy", "diff"),
]


def flat(text: str) -> str:
    """Undo the folding and the frames of the help."""
    return " ".join(text.replace("│", " ").split())


def test_the_version_is_that_of_the_package() -> None:
    assert CliRunner().invoke(app, ["--version"]).output == f"tiergate {version('tiergate')}\n"


def test_the_help_names_every_part_and_every_exit_code() -> None:
    told = flat(CliRunner().invoke(app, ["--help"]).output)
    for part in PARTS:
        assert f"{part.name} {part.sentence}" in told
    for code, meaning in EXIT_CODES.items():
        assert f"{code} {meaning}" in told


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_the_help_of_every_command_has_an_example(command: tuple[str, ...]) -> None:
    result = CliRunner().invoke(app, [*command, "--help"], prog_name="tiergate")
    assert result.exit_code == 0
    assert f"tiergate {' '.join(command)}" in flat(result.output).partition("Example")[2]


def test_an_unknown_command_is_wrong_usage_and_names_the_nearest() -> None:
    result = CliRunner().invoke(app, ["polcy"])
    assert result.exit_code == EXIT_USAGE
    assert "Did you mean 'policy'?" in result.output


def test_what_a_part_needs_and_is_not_installed_is_named_with_its_remedy(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as stopped:
        load(Part("demo", "no_such_package:app", "A part.", "demo"))
    assert stopped.value.exit_code == 3
    told = capsys.readouterr().err
    assert told == "`tiergate demo` needs no_such_package, which is not installed. Run: pip install 'tiergate[demo]'\n"


def test_output_into_a_pipe_has_no_colours() -> None:
    for arguments in (["--help"], ["policy", "explain", "policies/default.yaml"], ["explain", "Hello"]):
        assert "\x1b" not in CliRunner().invoke(app, arguments).output


def test_the_help_loads_nothing_that_only_commands_need() -> None:
    heavy = ["numpy", "pydantic", "redis", "uvicorn", "starlette", "httpx", "ruamel", "genai_prices", "msgspec"]
    code = f"import sys, gateway.app.cli; print([name for name in {heavy} if name in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert run.stdout.strip() == "[]"


@pytest.mark.parametrize("module", ["gateway", "gateway.app.cli"])
def test_it_runs_as_a_module_under_its_own_name(module: str) -> None:
    run = subprocess.run(
        [sys.executable, "-m", module, "--help"], capture_output=True, text=True, timeout=60, check=True
    )
    assert "Usage: tiergate [OPTIONS] COMMAND" in run.stdout
