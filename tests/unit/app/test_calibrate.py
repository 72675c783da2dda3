"""From a policy's tier and kept answers to a calibration, and what it looks like."""

import io
import json
import xml.etree.ElementTree
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from gateway.adapters.answers_file import AnswersFile, KeptAnswer
from gateway.app.calibrate import CannotCalibrate, Files, Plan, conclude, files_for, find_tier, replace_file, write
from gateway.app.calibrate_plot import curve_lines, half_level_words, print_calibration
from gateway.app.calibrate_svg import plot
from gateway.app.calibration_document import Calibration, document
from gateway.app.optional_parts import gym_families
from gateway.app.probe_run import Campaign
from gateway.core.probes.plan import plan
from gateway.core.reliability import GradedAnswer, over_all
from gateway.domain.tier import Secret, Tier
from gateway.policy.calibration_file import Calibrated, read_calibration
from tests.support.able_models import ARTEFACT, AbleModel
from tests.support.clocks import ManualClock
from tests.support.tiers import a_tier

PROBES = plan(1, 120)
MIDDLING = ARTEFACT.catalogue.references["llama-3.1-8b-instruct"]
POLICY = """\
version: 1
tiers:
  small:
    model: m
    price: free
    context: 8k
    ability: {calibration: measured/small.json}
    endpoints: [{url: "http://localhost:8000/v1", api_key: env:SMALL_KEY}]
  large:
    model: l
    price: free
    context: 8k
    ability: {like: gpt-4o}
    endpoints: [{url: "http://localhost:8001/v1", api_key: env:LARGE_KEY}]
models: {auto: {route: all}}
routes: {all: {}}
"""
NOVEMBER_S = 1_795_000_000.0


def keys(reference: str) -> Secret | str:
    return Secret("sk-small") if reference == "env:SMALL_KEY" else "it is not set"


def concluded(
    folder: Path,
    answer: Callable[[str], str] | None = None,
    *,
    count: int = 120,
    cut: int = 0,
    tier: Tier | None = None,
) -> Calibration:
    said = answer or AbleModel(MIDDLING, PROBES).answer
    asked = Plan(tier or a_tier("small"), PROBES, 1, False, 64, 1, None)
    with AnswersFile(folder / "answers.jsonl", asked.tier.model) as file:
        for number, probe in enumerate(PROBES[:count]):
            file.add(KeptAnswer(probe.key, said(probe.task.text), 40, 30, 64, is_cut=number < cut))
        campaign = Campaign(asked.tier, PROBES, file, {}, ManualClock(), lambda _: pytest.fail("asked"), 64)
        return conclude(asked, campaign, ARTEFACT, NOVEMBER_S)


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    path = tmp_path / "policy.yaml"
    path.write_text(POLICY)
    return path


def test_a_tier_is_found_before_its_calibration_is_there(policy: Path) -> None:
    tier = find_tier(policy, "small", ARTEFACT, keys)
    assert (tier.model, tier.endpoints[0].api_key) == ("m", Secret("sk-small"))
    assert tier.ability.calibration == "measured/small.json"


@pytest.mark.parametrize(
    ("name", "said"),
    [("smal", "has no tier `smal`: did you mean `small`?"), ("large", "env:LARGE_KEY: it is not set")],
)
def test_what_keeps_a_tier_from_being_asked_is_told(policy: Path, name: str, said: str) -> None:
    with pytest.raises(CannotCalibrate) as told:
        find_tier(policy, name, ARTEFACT, keys)
    assert said in str(told.value)


def test_a_policy_with_other_problems_is_refused_with_all_of_them(policy: Path) -> None:
    policy.write_text(POLICY.replace("gpt-4o", "nobody"))
    with pytest.raises(CannotCalibrate, match="expected a reference model"):
        find_tier(policy, "small", ARTEFACT, keys)


def test_files_go_where_the_policy_says_or_are_named_by_the_month() -> None:
    tier, policy = a_tier("small"), Path("policies/p.yaml")
    named = replace(tier, ability=replace(tier.ability, calibration="c/small.json"))
    known = Files(Path("policies/c/small.json"), Path("policies/c/small.answers.jsonl"))
    assert files_for(named, policy, None, None, NOVEMBER_S) == known
    assert files_for(tier, policy, None, None, NOVEMBER_S).out == Path("policies/calibrations/small-2026-11.json")
    told = Files(Path("x.json"), Path("y"))
    assert files_for(named, policy, told.out, told.work, NOVEMBER_S) == told


def test_a_calibration_is_written_so_that_a_policy_can_read_it(tmp_path: Path) -> None:
    found = concluded(tmp_path)
    out = tmp_path / "new" / "small.json"
    write(found, ARTEFACT, out)
    read = read_calibration("small.json", out.read_bytes(), ARTEFACT.catalogue)
    assert isinstance(read, Calibrated), read
    assert read.ability == replace(found.ability, calibration="small.json")
    assert read.model == "small-model"
    assert read.expected_output_tokens == 30
    assert list(out.parent.iterdir()) == [out]


def test_the_document_says_what_was_asked_and_how_sure_it_is(tmp_path: Path) -> None:
    found: Any = document(concluded(tmp_path), ARTEFACT)
    assert found["made"] == "2026-11-18"
    assert found["probes"]["answered"] == 120
    low, high = found["errors"]["accepted_90"]
    near_low, near_high = found["errors"]["accepted_90_probes_alone"]
    assert low < near_low < found["ability"]["prior"] < near_high < high
    assert sum(level["asked"] for level in found["reliability"]["all"]["levels"]) == 120
    assert len(found["reliability"]["kinds"]) == 6
    assert json.loads(json.dumps(found)) == found


def test_thinking_is_not_graded_and_right_answers_are(tmp_path: Path) -> None:
    solutions = {probe.task.text: probe.task.solution for probe in PROBES}
    right = concluded(tmp_path / "a", lambda text: f"<think>Answer: 0</think>{solutions[text]}")
    assert all(answer.is_right for answer in right.answers)
    wrong = concluded(tmp_path / "b", lambda text: f"<think>{solutions[text]}</think>I do not know")
    assert not any(answer.is_right for answer in wrong.answers)
    assert wrong.measured.prior < right.measured.prior


def test_too_few_answers_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CannotCalibrate, match="29 answers are too few: 30 are needed"):
        concluded(tmp_path, count=29)


def test_answers_that_are_all_empty_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CannotCalibrate, match="All 120 answers were empty"):
        concluded(tmp_path, lambda text: "<think>hm")


def test_a_difficulty_model_without_references_is_refused(tmp_path: Path) -> None:
    bare = replace(ARTEFACT, catalogue=replace(ARTEFACT.catalogue, references={"m": MIDDLING}))
    asked = Plan(a_tier("small"), PROBES, 1, False, 64, 1, None)
    with AnswersFile(tmp_path / "a", asked.tier.model) as file:
        for probe in PROBES:
            file.add(KeptAnswer(probe.key, "x", 1, 1, 64))
        campaign = Campaign(asked.tier, PROBES, file, {}, ManualClock(), lambda _: pytest.fail("asked"), 64)
        with pytest.raises(CannotCalibrate, match="three reference models"):
            conclude(asked, campaign, bare, NOVEMBER_S)


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotCalibrate, match="cannot be written"):
        replace_file(tmp_path / "file" / "x.json", "")


def shown(calibration: Calibration, *, families: bool = False) -> str:
    written = io.StringIO()
    print_calibration(Console(file=written, width=160), calibration, ARTEFACT.catalogue, families=families)
    return written.getvalue()


def test_a_terminal_is_shown_the_map_the_curve_and_the_ability(tmp_path: Path) -> None:
    told = shown(concluded(tmp_path, cut=12))
    for part in (
        "arithmetic",
        "half right at",
        "level 6",
        "●",
        "answers accepted",
        "90 %, on traffic",
        "12 of them cut",
    ):
        assert part in told
    assert "letter counts" not in told
    assert "letter counts" in shown(concluded(tmp_path), families=True)


def test_the_curve_is_drawn_to_scale() -> None:
    answers = [GradedAnswer("f", "k", level, level == 1) for level in (1, 2) for _ in range(50)]
    first, second, axis = curve_lines(over_all(answers))
    assert first.index("●") - second.index("●") == 50
    assert axis.index("0 %") == second.index("●")
    assert first.endswith("100 %  50 of 50")


def test_levels_beyond_the_ends_are_said_in_words() -> None:
    assert half_level_words(0.0) == "below level 1"
    assert half_level_words(3.25) == "level 3.2"
    assert half_level_words(7.0) == "beyond level 6"


def test_the_drawing_is_sound_and_holds_every_kind(tmp_path: Path) -> None:
    tier = replace(a_tier("small"), model="a<b>&c")
    drawn = plot(concluded(tmp_path, tier=tier))
    root = xml.etree.ElementTree.fromstring(drawn)  # noqa: S314 (our own drawing)
    texts = "".join(root.itertext())
    assert "a<b>&c" in texts
    for kind in {probe.kind for probe in PROBES}:
        assert kind in texts
    assert len([each for each in root.iter() if each.tag.endswith("circle")]) == 6


def test_the_probes_of_reasoning_gym_are_there_where_it_is_installed() -> None:
    pytest.importorskip("reasoning_gym")
    assert len(gym_families()) > 5
