"""A whole comparison, as short as it can be, in real processes; and the parts it stands on."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from load_tests.compare import Cores, Order, compare, default_cores, with_direct
from load_tests.launch import DidNotStart, Probe, free_port, on_core, running
from load_tests.scenarios import SCENARIOS
from load_tests.targets import TARGETS, NotHere, Setting
from load_tests.tools import OwnTools

SETTING = Setting(81, 82, Path(), "no-such-router", None, ("one", "two"))
ORDER = Order(
    targets=("direct", "sglang-router"),
    scenarios=(SCENARIOS["c64"], SCENARIOS["s0"]),
    rounds=1,
    replies=1,
    seconds=0.1,
    warm_seconds=0.1,
    cores=Cores(None, None),
    sglang_router="no-such-router",
    before=None,
    references=("one", "two"),
)


def test_a_comparison_measures_what_is_there_and_says_what_is_not() -> None:
    said: list[str] = []
    found = compare(ORDER, OwnTools, said.append)
    assert [(m.target, m.scenario) for m in found.measurements] == [("direct", "c64"), ("direct", "s0")]
    assert all(m.report.good > 0 and m.report.bad == 0 for m in found.measurements)
    assert "no-such-router is not installed" in found.left_out["sglang-router"]
    assert any("c64" in text for text in said)
    assert found.to_json()["tools"] == "load_tests"


def test_the_direct_run_is_added_where_times_are_counted_from_it() -> None:
    assert with_direct(["nginx"], [SCENARIOS["c64"]]) == ("nginx",)
    assert with_direct(["nginx"], [SCENARIOS["r100"]]) == ("direct", "nginx")
    assert with_direct(["nginx", "direct"], [SCENARIOS["sq"]]) == ("nginx", "direct")


def test_a_process_that_ends_at_once_is_told_with_its_last_words(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "raise SystemExit('no policy, no service')"]
    with (
        pytest.raises(DidNotStart, match="no policy, no service"),
        running(command, None, tmp_path / "log", Probe(free_port(), b"{}", b"ok")),
    ):
        pytest.fail("it never came up")


def test_a_core_is_given_for_the_block_only() -> None:
    before = os.sched_getaffinity(0)
    core = min(before)
    with on_core(core):
        assert os.sched_getaffinity(0) == {core}
    with on_core(None):
        assert os.sched_getaffinity(0) == before
    assert os.sched_getaffinity(0) == before


def test_gateway_and_load_get_cores_of_their_own_where_there_are_two() -> None:
    cores = default_cores()
    assert cores.gateway != cores.load or cores.gateway is None


def test_our_gateway_is_started_with_a_policy_of_two_tiers(tmp_path: Path) -> None:
    target = TARGETS["tiergate"](replace(SETTING, folder=tmp_path))
    assert target.command is not None
    assert target.command[1:4] == ("-m", "gateway.app.cli", "serve")
    policy = (tmp_path / "policy.yaml").read_text()
    assert policy.count("http://127.0.0.1:82/v1") == 2
    assert "{like: one}" in policy
    assert "{like: two}" in policy


def test_a_router_that_is_not_installed_is_said_to_be_missing() -> None:
    with pytest.raises(NotHere, match="--sglang-router"):
        TARGETS["sglang-router"](SETTING)


def test_a_former_version_is_run_from_its_own_folder(tmp_path: Path) -> None:
    (tmp_path / "former" / "gateway").mkdir(parents=True)
    (tmp_path / "former" / "gateway" / "__init__.py").write_text("WHICH = 'the former one'\n")
    target = TARGETS["before"](replace(SETTING, folder=tmp_path, before=tmp_path / "former"))
    assert target.command is not None
    interpreter = target.command[: target.command.index("-m")]
    said = subprocess.run(
        (*interpreter, "-c", "import gateway; print(gateway.WHICH)"), capture_output=True, text=True, check=True
    )
    assert said.stdout == "the former one\n"


@pytest.mark.parametrize(("folder", "what_to_do"), [(None, "--before FOLDER"), (Path("/dev"), "holds no gateway")])
def test_without_a_former_version_what_to_give_is_said(folder: Path | None, what_to_do: str) -> None:
    with pytest.raises(NotHere, match=what_to_do):
        TARGETS["before"](replace(SETTING, before=folder))
