"""`tiergate calibrate` as a command: against scripted servers of known ability, and against real ones."""

import asyncio
import json
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from gateway.app.demo_models import ModelServer
from gateway.core.difficulty import failing_share
from gateway.core.difficulty_curve import rescaled
from gateway.domain.ability import Ability, Score
from tests.e2e.cli_process import ended, spawned
from tests.support.able_models import ARTEFACT, SCORER, AbleModel, an_able
from tests.support.behaviours import fails, json_reply, speaks
from tests.support.fault_server import FaultServer
from tests.support.openai_bodies import Words, dump
from tests.support.scripts import Hold, Reply, Script, SeenRequest
from tests.support.waiting import eventually

WEAK, STRONG = an_able(-1.5), an_able(1.5)
Z_999 = 3.2905
"""Two intervals in a thousand may miss the truth: how often those of 90 % do is tested where many can be drawn."""
PROBES = 200


def policy_file(folder: Path, **servers: str) -> Path:
    """Write a policy of these tiers, whose calibrations are yet to be made."""
    tiers = "".join(
        f"""\
  {name}:
    model: {name}
    price: {{input: 1, output: 2}}
    context: 8k
    ability: {{calibration: calibrations/{name}.json}}
    endpoints: [{{url: "{url}"}}]
"""
        for name, url in servers.items()
    )
    path = folder / "policy.yaml"
    path.write_text(f"version: 1\ntiers:\n{tiers}models: {{auto: {{route: all}}}}\nroutes: {{all: {{}}}}\n")
    return path


async def calibrated(policy: Path, tier: str, *more: str) -> tuple[int | None, str, str]:
    """Run the command to its end."""
    return await ended("calibrate", "--tier", tier, "--policy", str(policy), *more)


def interval(found: Any, z: float) -> tuple[float, float]:
    """Return the interval of a calibration's intercept, `z` standard errors to each side."""
    middle, error = found["ability"]["intercept"], found["errors"]["intercept"]
    return middle - z * error, middle + z * error


async def a_decision_model_is_put_on_their_scale(policy: Path) -> None:
    """Find the scale of a server that tells half of what is so, by the answers that were kept."""
    references = tuple(ARTEFACT.catalogue.references.values())

    def tells(request: SeenRequest) -> Script:
        score = SCORER.score_text(request.json["state"])
        share = failing_share(references, Score(score.latent, 1.0, ""))
        return json_reply(200, dump({"answers": {"difficulty": {"score": 4 * rescaled(share, 2.0, 0.5)}}}))

    async with FaultServer() as decider:
        decider.plan.general = tells
        options = ("--url", decider.base_url, "--model", "laya", "--tier", "weak", "--tier", "strong")
        code, said, errors = await ended("scale", *options, "--policy", str(policy), "--probes", str(PROBES), "--json")
        assert code == 0, errors
        assert len(decider.requests) == PROBES
    found = json.loads(said)
    assert found["answers"] == 2 * PROBES
    assert found["log_loss"] < found["flat_log_loss"]
    # What it told has twice the slope that is so. Probes lie off the curve of requests at large, so no more is certain.
    assert 0.2 < found["slope"] < 1.0


async def test_two_servers_of_known_ability_are_told_apart_and_the_policy_takes_what_was_measured(
    tmp_path: Path,
) -> None:
    found: dict[str, Any] = {}
    abilities: Mapping[str, Ability] = {"weak": WEAK, "strong": STRONG}
    async with FaultServer() as weak, FaultServer() as strong:
        policy = policy_file(tmp_path, weak=weak.base_url, strong=strong.base_url)
        for name, server in (("weak", weak), ("strong", strong)):
            server.plan.general = AbleModel(abilities[name])
            code, said, errors = await calibrated(policy, name, "--probes", str(PROBES), "--concurrency", "8")
            assert code == 0, errors
            assert f"which {policy} names already" in said
            assert len(server.requests) == PROBES
            found[name] = json.loads((tmp_path / "calibrations" / f"{name}.json").read_text())
    for name, ability in abilities.items():
        low, high = interval(found[name], Z_999)
        assert low <= ability.intercept <= high, name
    # The intercepts alone need not lie apart: each is the logit at the origin of the latent space, far from any text,
    # and what the probes leave open there the loadings make good where texts lie.
    assert (
        found["weak"]["reliability"]["all"]["interval_90"][1] < found["strong"]["reliability"]["all"]["interval_90"][0]
    )
    assert found["weak"]["ability"]["prior"] < found["strong"]["ability"]["prior"]
    await a_decision_model_is_put_on_their_scale(policy)
    code, said, _ = await ended("policy", "explain", str(policy))
    assert code == 0
    assert "as its probes say" in said


async def test_a_run_that_is_interrupted_goes_on_where_it_was(tmp_path: Path) -> None:
    async with FaultServer() as server:
        release = asyncio.Event()
        model = AbleModel(STRONG)
        server.plan.general = model
        policy = policy_file(tmp_path, small=server.base_url)
        arguments = ("calibrate", "--tier", "small", "--policy", str(policy), "--probes", "40")
        server.plan.queue(*[model] * 20, *[lambda _: _stalled(release)] * 4)
        process = await spawned(*arguments)
        await eventually(lambda: len(server.requests) >= 24, within_s=40.0)
        process.send_signal(signal.SIGINT)
        _, errors = await process.communicate()
        assert process.returncode == 130
        assert b"the same command goes on from there" in errors
        assert not (tmp_path / "calibrations" / "small.json").exists()
        before = len(server.requests)
        code, _, errors_after = await ended(*arguments, "--plot", str(tmp_path / "small.svg"))
        assert code == 0, errors_after
        assert len(server.requests) - before == 20
    assert (tmp_path / "small.svg").read_text().startswith("<svg")


def _stalled(until: asyncio.Event) -> Reply:
    return Reply(before=(Hold(until),))


async def test_what_cannot_be_asked_is_told_with_what_to_do_and_nothing_is_written(tmp_path: Path) -> None:
    async with FaultServer() as server:
        policy = policy_file(tmp_path, small=server.base_url)
        for behaviour, said in (
            (fails(401), "Mend the endpoint's api_key"),
            (fails(404), "Mend the tier's model in the policy"),
            (speaks(Words(pieces=("<think>hm",))), "answers were empty"),
        ):
            server.plan.general = behaviour
            code, _, errors = await calibrated(policy, "small", "--probes", "30", "--work", str(tmp_path / said[:4]))
            assert code == 1
            assert said in errors
    assert not (tmp_path / "calibrations" / "small.json").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--tier", "smal"), "has no tier `smal`: did you mean `small`?"),
        (("--tier", "small", "--plot", "x.png"), "its name ends in .svg"),
        (("--tier", "small", "--probes", "3"), "greater than or equal to 30"),
    ],
)
async def test_wrong_usage_is_told(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    policy = policy_file(tmp_path, small="http://127.0.0.1:9/v1")
    code, _, errors = await ended("calibrate", "--policy", str(policy), *arguments)
    assert code == 2
    assert said in errors


async def test_a_budget_ends_the_run_and_what_was_asked_still_counts(tmp_path: Path) -> None:
    async with FaultServer() as server:
        server.plan.general = AbleModel(WEAK)
        policy = policy_file(tmp_path, small=server.base_url)
        # An answer costs about 40 + 2 x 20 millionths of a dollar, and may cost 200 more.
        code, said, errors = await calibrated(
            policy, "small", "--probes", "200", "--max-tokens", "100", "--budget-usd", "0.008"
        )
        assert code == 0, errors
        assert "The budget ended it after" in said
        assert 30 <= len(server.requests) < 200
        code, said, _ = await calibrated(policy, "small", "--probes", "30", "--json")
        assert json.loads(said)["probes"]["spent_usd_nano"] < 8_000_000


@pytest.mark.servers
async def test_a_real_server_is_calibrated(tmp_path: Path, nano_server: ModelServer) -> None:
    policy = policy_file(tmp_path, nano=nano_server.base_url)
    code, said, errors = await calibrated(policy, "nano", "--probes", "36", "--max-tokens", "32", "--concurrency", "4")
    assert code == 0, errors
    found = json.loads((tmp_path / "calibrations" / "nano.json").read_text())
    assert found["probes"]["answered"] == 36
    # Random weights speak gibberish: they are able to do nothing, and cut where they are cut.
    assert found["probes"]["right"] <= 3
    assert found["ability"]["prior"] < 0.4
    assert 1 <= found["ability"]["expected_output_tokens"] <= 32
    assert "cut at --max-tokens" in said
