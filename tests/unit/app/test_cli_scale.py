"""`tiergate scale`, where it ends before anybody is asked, and how it says what it found."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.app.cli_scale import app

OPTIONS = ["--model", "laya", "--tier", "small"]


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--url", "http://decider:8000/v1/systemone"], 2, "stop before `/systemone`"),
        (["--url", "ftp://decider"], 2, "it must start with http:// or https://"),
        (["--url", "http://decider:8000/v1", "--api-key", "env:NO_SUCH_KEY"], 2, "NO_SUCH_KEY is not set"),
        (["--url", "http://decider:8000/v1", "--artefacts", "nowhere"], 3, "nowhere"),
        (["--url", "http://decider:8000/v1", "--policy", "nowhere.yaml"], 2, "nowhere.yaml"),
    ],
)
def test_what_cannot_be_asked_is_told_before_anybody_is(options: list[str], code: int, said: str) -> None:
    result = CliRunner().invoke(app, [*options, *OPTIONS])
    assert said in result.output
    assert result.exit_code == code


def test_a_tier_that_was_not_calibrated_is_told(tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(
        "version: 1\ntiers:\n  small:\n    model: m\n    price: free\n    context: 8k\n    ability: {like: gpt-4o}\n"
        '    endpoints: [{url: "http://localhost:8000/v1"}]\nmodels: {auto: {route: all}}\nroutes: {all: {}}\n'
    )
    result = CliRunner().invoke(app, ["--url", "http://decider:8000/v1", "--policy", str(policy), *OPTIONS])
    assert result.exit_code == 2
    assert "was not measured" in result.output
