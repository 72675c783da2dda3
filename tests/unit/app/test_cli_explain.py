import json
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from gateway.app.cli_explain import app

SECRETIVE = "policies/examples/self_hosted_three_tiers.yaml"
EASY = "What is the capital of France?"


def run(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(app, arguments, input=stdin, catch_exceptions=False)


def document(*arguments: str) -> Any:
    return json.loads(run(*arguments, "--json").stdout)


def test_a_prompt_is_explained_without_any_server() -> None:
    result = run(EASY)
    assert result.exit_code == 0
    assert "(best_value)" in result.stdout
    assert "what would have changed it" in result.stdout


def test_a_prompt_is_explained_in_one_document() -> None:
    told = document(EASY, "--max-tokens", "50", "--tools")
    assert told["object"] == "explanation"
    assert told["needs"] == ["tools"]
    assert told["max_output_tokens"] == 50
    views = told["decision"]["views"]
    assert [view["tier"] for view in views] == ["small", "large"]
    assert all(view["p_low"] < view["p"] < view["p_high"] for view in views)
    assert told["decision"]["chosen"] in {"small", "large"}
    assert told["refusal"] is None


def test_an_answer_cut_short_costs_less() -> None:
    short, long = (document(EASY, *more)["decision"]["views"][1] for more in (("--max-tokens", "1"), ()))
    assert short["expected_cost_usd_nano"] < long["expected_cost_usd_nano"]


def test_a_hard_prompt_is_less_likely_to_be_answered_well() -> None:
    hard = "Prove that every finite integral domain is a field, and find all subgroups of the symmetric group S4."
    assert document(hard)["decision"]["views"][0]["p"] < document(EASY)["decision"]["views"][0]["p"]


def test_a_prompt_can_come_through_a_pipe() -> None:
    result = run("-", stdin="Hello\nthere\n")
    assert "prompt         Hello there" in result.stdout


def test_a_constraint_says_which_tier_it_removed() -> None:
    told = document(EASY, "--policy", SECRETIVE, "--tools")
    assert [view["removed_by"] for view in told["decision"]["views"]] == [None, "tools", None]


def test_what_a_caller_allows_is_compared_with_what_each_tier_may_cost() -> None:
    told = document(EASY, "--policy", SECRETIVE, "--max-tokens", "100", "--max-cost-usd", "0.0003")
    assert [view["removed_by"] for view in told["decision"]["views"]] == [None, None, "cost"]
    refused = document(EASY, "--max-tokens", "100", "--max-cost-usd", "0.0000001")["refusal"]
    assert (refused["code"], refused["status"]) == ("cost_ceiling_exceeded", 402)
    odd = run(EASY, "--max-cost-usd", "cheap")
    assert (odd.exit_code, odd.stderr.strip()) == (
        2,
        "The header x-tiergate-max-cost-usd must be an amount in USD, such as 0.002.",
    )


def test_a_prompt_that_would_be_refused_ends_with_exit_code_1() -> None:
    result = run(EASY, "--vision")
    assert result.exit_code == 1
    assert "refused (no_able_tier, status 400): No tier can take this request" in result.stdout
    assert document(EASY, "--vision")["refusal"]["code"] == "no_able_tier"


def test_a_tenant_is_asked_for_with_what_it_may_use() -> None:
    result = run(EASY, "--policy", SECRETIVE, "--tenant", "support", "--model", "gpt-4o-mini")
    assert result.exit_code == 2
    assert "this key may not use it" in result.stderr


@pytest.mark.parametrize("arguments", [(), ("Hello", "--id", "req_1")])
def test_either_a_prompt_or_a_request_is_asked_about(arguments: tuple[str, ...]) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert "Give either a prompt or --id" in result.stderr


def test_a_policy_that_is_missing_or_broken_is_said_so(tmp_path: Any) -> None:
    missing = run(EASY, "--policy", str(tmp_path / "none.yaml"))
    assert missing.exit_code == 2
    assert "cannot be read" in missing.stderr
    unusable = run(EASY, "--artefacts", str(tmp_path))
    assert unusable.exit_code == 3
    assert "difficulty model cannot be used" in unusable.stderr
    broken = tmp_path / "broken.yaml"
    broken.write_text("version: 9\n")
    result = run(EASY, "--policy", str(broken))
    assert result.exit_code == 1
    assert "broken.yaml:1:10" in result.stderr


def test_a_key_reference_that_leads_nowhere_is_said_so() -> None:
    result = run("--id", "req_1", "--key", "env:NO_SUCH_KEY_HERE")
    assert result.exit_code == 2
    assert "NO_SUCH_KEY_HERE is not set" in result.stderr


def test_a_gateway_that_is_not_there_is_said_so() -> None:
    result = run("--id", "req_1", "--url", "http://127.0.0.1:1")
    assert result.exit_code == 1
    assert "Name another with --url" in result.stderr


def test_a_batch_request_costs_what_batch_requests_do() -> None:
    policy = ("--policy", "policies/examples/self_hosted_small_hosted_large.yaml")
    asked, batch = document(EASY, *policy), document(EASY, *policy, "--batch")
    assert (asked["priority"], batch["priority"]) == ("interactive", "batch")
    costs = [told["decision"]["views"][0]["expected_cost_usd_nano"] for told in (asked, batch)]
    assert costs[1] == pytest.approx(0.4 * costs[0], rel=0.01)
    assert "at batch prices" in run(EASY, *policy, "--batch").stdout
