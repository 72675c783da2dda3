"""Calibration files: what a policy makes of a good one, and what it says of every other."""

import json
from dataclasses import replace
from typing import Any

import pytest

from gateway.policy.calibration_file import MAX_TOLD, Calibrated, read_calibration
from gateway.policy.compile import compile_policy
from gateway.policy.explain import explained_text
from gateway.policy.problems import Problem
from gateway.policy.references import calibrations_named
from gateway.policy.snapshot import PolicySnapshot
from gateway.policy.source import PolicySource
from gateway.policy.world import no_files
from tests.unit.policy.worlds import CATALOGUE as PLAIN
from tests.unit.policy.worlds import FakePrices, even_dial, fake_secrets

CATALOGUE = replace(PLAIN, space="abc")
GOOD: dict[str, Any] = {
    "object": "tiergate_calibration",
    "version": 1,
    "tier": "only",
    "model": "m",
    "difficulty_model": {"name": "folded-1", "space": "abc"},
    "ability": {
        "intercept": -0.5,
        "loadings": [1.25, 1e-05],
        "standard_error": 0.6,
        "prior": 0.41,
        "tasks": ["logic probes"],
        "expected_output_tokens": 120,
    },
    "reliability": {"all": [None, True, 1.5]},
}
POLICY = """\
version: 1
tiers:
  only:
    model: m
    price: free
    context: 8k
    ability: {calibration: calibrations/only.json}
    endpoints: [{url: "http://localhost:8000/v1"}]
models: {auto: {route: all}}
routes: {all: {}}
"""


def text(document: object = GOOD) -> bytes:
    return json.dumps(document, indent=2).encode()


def edited(*path: str, to: object) -> bytes:
    document = json.loads(text())
    inner = document
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = to
    return text(document)


def compiled(policy: str = POLICY, content: bytes | str | None = None) -> PolicySnapshot | list[Problem]:
    found = text() if content is None else content
    return compile_policy(
        PolicySource("policies/p.yaml", policy),
        catalogue=CATALOGUE,
        secrets=fake_secrets,
        prices=FakePrices(),
        choose_dial=even_dial,
        calibrations=lambda path: found if path == "calibrations/only.json" else f"{path} is not there",
    )


def snapshot(policy: str = POLICY, content: bytes | None = None) -> PolicySnapshot:
    found = compiled(policy, content)
    assert isinstance(found, PolicySnapshot), found
    return found


def problem(policy: str = POLICY, content: bytes | str | None = None) -> str:
    found = compiled(policy, content)
    assert isinstance(found, list)
    (only,) = found
    return str(only)


def test_a_tier_has_the_ability_that_was_measured() -> None:
    tier = snapshot().tiers["only"]  # type: ignore[index]
    assert tier.ability.loadings == (1.25, 1e-05)
    assert (tier.ability.intercept, tier.ability.standard_error, tier.ability.prior) == (-0.5, 0.6, 0.41)
    assert (tier.ability.reference, tier.ability.calibration) == ("", "calibrations/only.json")
    assert tier.ability.tasks == ("logic probes",)
    assert tier.expected_output_tokens == 120
    assert tier.ability.is_stated


def test_it_is_said_that_the_ability_was_measured() -> None:
    told = explained_text(snapshot())
    assert "as its probes say (calibrations/only.json)" in told
    assert "41 % of the calibration requests" in told


def test_another_calibration_makes_another_snapshot() -> None:
    assert snapshot().id == snapshot().id
    assert snapshot().id != snapshot(content=edited("ability", "prior", to=0.42)).id
    like = POLICY.replace("calibration: calibrations/only.json", "like: gpt-4o")
    assert snapshot(like).id == snapshot(like, b"whatever it holds").id


def test_a_file_that_is_not_there_is_told_where_the_policy_names_it() -> None:
    said = problem(POLICY.replace("only.json", "none.json"))
    assert said.startswith("policies/p.yaml:7:28: tiers.only.ability.calibration: expected a calibration file at ")
    assert "calibrations/none.json is not there" in said
    assert said.endswith("hint: write it: tiergate calibrate --tier only --policy FILE")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (text()[:60], "calibrations/only.json:4:7: not YAML"),
        (b"\xff", "calibrations/only.json:1:1: expected UTF-8"),
        (b"", "calibrations/only.json:1:1: expected a calibration, found an empty file"),
        (b"[]", "calibrations/only.json:1:1: expected a mapping at the top level"),
        (edited("object", to="diary"), "calibrations/only.json:2:13: object: expected `tiergate_calibration`"),
        (edited("version", to=2), "calibrations/only.json:3:14: version: expected `1`, found 2"),
        (
            edited("ability", "prior", to=1.5),
            "calibrations/only.json:17:14: ability.prior: expected a number from 0 to 1, found 1.5",
        ),
        (
            edited("ability", "loadings", to=[1.0, "x"]),
            'calibrations/only.json:14:7: ability.loadings.1: expected a number from -100 to 100, found "x"',
        ),
        (edited("ability", "loadings", to=3), "ability.loadings: expected a list, found 3"),
        (edited("ability", to={}), "calibrations/only.json:10:3: ability.intercept: expected a value, found nothing"),
        (edited("ability", "standard_error", to=-1), "ability.standard_error: expected a number from 0 to 100"),
        (edited("ability", "standard_error", to=float("nan")), "ability.standard_error: expected a number from 0 to"),
        (
            edited("difficulty_model", "space", to="xyz"),
            "calibrations/only.json:8:14: difficulty_model.space: expected a calibration for the difficulty model",
        ),
        (edited("ability", "loadings", to=[1.0]), "expected a calibration for the difficulty model in use"),
        (text().replace(b'"version"', b"version"), "calibrations/only.json:1:1: expected JSON, found YAML"),
        (text().replace(b'"tier"', b'"model": "m", "tier"'), None),
    ],
)
def test_a_malformed_file_is_told_at_the_policys_place_with_its_own(content: bytes, said: str | None) -> None:
    found = compiled(content=content)
    if said is None:
        # JSON lets a key stand twice, and the last one counts.
        assert isinstance(found, PolicySnapshot)
        return
    assert isinstance(found, list)
    assert {(each.file, each.line, each.column) for each in found} == {("policies/p.yaml", 7, 28)}
    assert any(said in each.message for each in found), found
    assert all(each.hint for each in found)


def test_a_wholly_wrong_file_is_told_with_a_few_problems() -> None:
    found = read_calibration("c.json", b'{"ability": {"tasks": 1, "loadings": 2}}', CATALOGUE)
    assert isinstance(found, list)
    assert len(found) == MAX_TOLD


def test_a_sound_file_is_read_without_the_catalogues_help() -> None:
    found = read_calibration("c.json", text(), CATALOGUE)
    assert isinstance(found, Calibrated)
    assert found.model == "m"
    assert len(found.digest) == 32


def test_a_calibration_of_another_model_is_refused() -> None:
    said = problem(POLICY.replace("model: m\n", "model: newer\n"))
    assert 'expected a calibration of the tier\'s model "newer", found one of "m"' in said
    assert "hint: calibrate again" in said


def test_like_and_calibration_exclude_each_other() -> None:
    said = problem(POLICY.replace("{calibration:", "{like: gpt-4o, calibration:"))
    assert said.startswith(
        "policies/p.yaml:7:15: tiers.only.ability.like: expected `like` or `calibration`, found both"
    )


def test_an_ability_says_something() -> None:
    said = problem(POLICY.replace("{calibration: calibrations/only.json}", "{}"))
    assert said.startswith("policies/p.yaml:7:14: tiers.only.ability: expected `like` or `calibration`, found neither")


def test_two_tiers_may_name_one_file_which_is_read_once() -> None:
    tier = POLICY.partition("tiers:\n")[2].partition("models:")[0]
    two = POLICY.replace("models:", tier.replace("only:", "more:") + "models:")
    read: list[str] = []

    def lookup(path: str) -> bytes:
        read.append(path)
        return text()

    found = compile_policy(
        PolicySource("p", two),
        catalogue=CATALOGUE,
        secrets=fake_secrets,
        prices=FakePrices(),
        choose_dial=even_dial,
        calibrations=lookup,
    )
    assert isinstance(found, PolicySnapshot), found
    assert read == ["calibrations/only.json"]


def test_without_a_folder_no_calibration_is_found() -> None:
    assert no_files("x.json") == "there is no folder to look in"


def test_calibrations_can_be_passed_over_where_they_are_yet_to_be_made() -> None:
    found = compile_policy(
        PolicySource("p", POLICY),
        catalogue=CATALOGUE,
        secrets=fake_secrets,
        prices=FakePrices(),
        choose_dial=even_dial,
        calibrations=None,
    )
    assert isinstance(found, PolicySnapshot)
    ability = next(iter(found.tiers.values())).ability
    assert (ability.calibration, ability.prior, ability.loadings) == ("calibrations/only.json", 0.5, (0.0, 0.0))


def test_the_files_that_a_policy_names_are_known_without_compiling_it() -> None:
    assert calibrations_named(POLICY.encode()) == ["calibrations/only.json"]
    assert calibrations_named(b"tiers: {a: {ability: {calibration: 3}}, b: 4}") == []
    assert calibrations_named(b": :") == []
