"""What a System One server's answers mean, found from kept answers of calibrated tiers."""

from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from gateway.adapters.answers_file import AnswersFile, KeptAnswer
from gateway.adapters.systemone_http import SystemOneServer
from gateway.app.calibrate import CannotCalibrate
from gateway.app.scale import Graded, calibrated_tiers, find_scale, graded
from gateway.core.difficulty import failing_share
from gateway.core.difficulty_curve import rescaled
from gateway.core.probes.plan import plan
from gateway.domain.ability import Score
from gateway.domain.remote_model import SystemOneModel
from tests.support.able_models import ARTEFACT, SCORER, AbleModel, an_able
from tests.support.behaviours import json_reply
from tests.support.fake_transport import FakeTransport
from tests.support.openai_bodies import dump
from tests.support.scripts import Script, SeenRequest, Unreachable
from tests.support.systemone import refusal
from tests.support.tiers import a_tier

PROBES = plan(1, 150)
REFERENCES = tuple(ARTEFACT.catalogue.references.values())
DECIDER = SystemOneModel("http://decider:8000/v1", "laya", 1.0, 0.0)
POLICY = """\
version: 1
tiers:
  small:
    {ability}
    model: m
    price: free
    context: 8k
    endpoints: [{{url: "http://localhost:8000/v1", api_key: env:NOT_THERE}}]
models: {{auto: {{route: all}}}}
routes: {{all: {{}}}}
"""


def tells(request: SeenRequest) -> Script:
    """Tell what is so on a scale of one's own."""
    score = SCORER.score_text(request.json["state"])
    share = rescaled(failing_share(REFERENCES, Score(score.latent, 1.0, "")), 2.0, 0.5)
    return json_reply(200, dump({"answers": {"difficulty": {"score": 4 * share}}}))


def tier_of(deviations: float) -> Graded:
    """Make a tier of known ability, and what it answered well."""
    ability = an_able(deviations)
    model = AbleModel(ability, PROBES)
    right = {probe.key: probe.task.grade(model.answer(probe.task.text).split("\n")[-1]) for probe in PROBES}
    return Graded(replace(a_tier("small"), ability=ability), right)


async def test_a_scale_is_found_by_what_tiers_answered_well() -> None:
    network = FakeTransport(tells)
    found = await find_scale(SystemOneServer(DECIDER, network), [tier_of(-0.5), tier_of(1.0)], PROBES, ARTEFACT)
    assert len(network.requests) == len(PROBES)
    assert found.answers == 2 * len(PROBES)
    assert found.scale.loss < found.scale.flat_loss
    assert 0.0 < found.own_loss < 1.0
    # The way back of slope 2 and offset 0.5 has slope 0.5 and offset -0.25.
    for told in (0.3, 0.6):
        assert rescaled(told, found.scale.slope, found.scale.offset) == pytest.approx(
            rescaled(told, 0.5, -0.25), abs=0.15
        )


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (refusal(501, "no decision model"), "cannot be asked: HTTP 501, 'no decision model'"),
        (Unreachable(httpx.ConnectError), "cannot be asked: ConnectError"),
        (json_reply(200, dump({"answers": {"difficulty": {"score": 2}}})), "There is no scale"),
    ],
)
async def test_where_there_is_none_that_is_told(script: Script, said: str) -> None:
    server = SystemOneServer(DECIDER, FakeTransport(lambda _: script))
    with pytest.raises(CannotCalibrate, match=said):
        await find_scale(server, [tier_of(0.0)], PROBES[:40], ARTEFACT)


async def test_a_server_that_does_not_answer_is_not_waited_for() -> None:
    async def stall(request: httpx.Request) -> httpx.Response:
        raise TimeoutError

    server = SystemOneServer(DECIDER, httpx.MockTransport(stall))
    with pytest.raises(CannotCalibrate, match="did not answer within 30 s"):
        await find_scale(server, [tier_of(0.0)], PROBES[:40], ARTEFACT)


async def test_a_few_answers_are_too_few() -> None:
    server = SystemOneServer(DECIDER, FakeTransport(tells))
    with pytest.raises(CannotCalibrate, match="fewer than 30 answers"):
        await find_scale(server, [tier_of(0.0)], [], ARTEFACT)


def policy(folder: Path, ability: str = "ability: {like: gpt-4o}") -> Path:
    path = folder / "policy.yaml"
    path.write_text(POLICY.format(ability=ability))
    return path


@pytest.mark.parametrize(
    ("name", "ability", "said"),
    [
        ("smal", "ability: {like: gpt-4o}", "has no tier `smal`"),
        ("small", "ability: {like: gpt-4o}", "the ability of `small` was not measured. Run: tiergate calibrate"),
        ("small", "ability: {calibration: none.json}", "The policy has problems"),
    ],
)
def test_tiers_must_be_calibrated(tmp_path: Path, name: str, ability: str, said: str) -> None:
    with pytest.raises(CannotCalibrate, match=said):
        calibrated_tiers(policy(tmp_path, ability), [name], ARTEFACT)


def test_a_policy_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(CannotCalibrate, match=r"nothing\.yaml"):
        calibrated_tiers(tmp_path / "nothing.yaml", ["small"], ARTEFACT)


def test_kept_answers_are_graded_and_those_to_other_probes_passed_over(tmp_path: Path) -> None:
    tier = replace(a_tier("small"), ability=replace(an_able(0.0), calibration="small.json"))
    policy_file = tmp_path / "policy.yaml"
    with pytest.raises(CannotCalibrate, match="keeps answers in it"):
        graded(tier, policy_file, PROBES)
    with AnswersFile(tmp_path / "small.answers.jsonl", tier.model) as file:
        for probe, text in ((PROBES[0], PROBES[0].task.solution), (PROBES[1], "I do not know."), (PROBES[2], "")):
            file.add(KeptAnswer(probe.key, text, 10, 10, 100))
    assert graded(tier, policy_file, PROBES[:2]).right == {PROBES[0].key: True, PROBES[1].key: False}
    assert graded(tier, policy_file, PROBES).right[PROBES[2].key] is False
    (tmp_path / "small.answers.jsonl").write_text("{}\n")
    with pytest.raises(CannotCalibrate, match="cannot be read"):
        graded(tier, policy_file, PROBES)
