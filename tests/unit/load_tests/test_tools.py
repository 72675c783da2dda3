"""How model server and driver are called, and what is read of what they print."""

import json
import shutil
from pathlib import Path

import pytest

from load_tests.scenarios import SCENARIOS, Scenario
from load_tests.standard import SOURCES, STALE, CannotCompile, StandardTools
from load_tests.tools import OwnTools, Run

MAKE_BODIES = "import sys, pathlib; pathlib.Path(sys.argv[1], '2k.json').write_text('{}')\n"
PROGRAM = "int main(void) { return 0; }\n"
PRINTED = {
    "ok": 90,
    "errors": 1,
    "first_error": 503,
    "error_note": "overloaded",
    "elapsed_s": 2.0,
    "rps": 45.0,
    "conns": 4,
    "reconnects": 2,
    "sent_late": 3,
    "client_cpu_s": 0.1,
    "chunks_per_s": 450.0,
    "latency_us": {"n": 90, "mean": 5.5, "p50": 5, "p90": 6, "p99": 7, "p999": 8, "max": 9},
    "ttfb_us": None,
    "ttft_us": {"n": 90, "mean": 3.5, "p50": 3, "p90": 4, "p99": 5, "p999": 6, "max": 7},
    "chunk_us": {"n": 900, "mean": 1.5, "p50": 1, "p90": 2, "p99": 3, "p999": 4, "max": 5},
}


needs_compiler = pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed")


def _standard(folder: Path) -> StandardTools:
    sources = folder / "sources"
    sources.mkdir()
    for name in SOURCES:
        (sources / name).write_text(PROGRAM if name.endswith(".c") else MAKE_BODIES)
    return StandardTools(sources, folder)


def test_our_driver_is_told_the_scenario(tmp_path: Path) -> None:
    command = OwnTools(tmp_path).driver_command(Run(SCENARIOS["sq"], 81, seconds=5, warmup_s=2))
    assert "--stream" in command
    assert command[command.index("--warmup") + 1] == "2.00"
    assert command[command.index("--connections") + 1] == "4"
    assert json.loads((tmp_path / "sq.json").read_text())["seed"] == 10_000
    assert "--rate" in OwnTools(tmp_path).driver_command(Run(SCENARIOS["r100"], 81, 5))
    assert "--stream" not in OwnTools(tmp_path).driver_command(Run(SCENARIOS["hit"], 81, 5))


@needs_compiler
def test_the_standard_is_compiled_and_called(tmp_path: Path) -> None:
    tools = _standard(tmp_path)
    assert (tmp_path / "mockd").exists()
    assert tools.body(SCENARIOS["c64"]) == b"{}"
    assert tools.server_command(81)[1:] == ["-p", "81", "-x"]
    command = tools.driver_command(Run(SCENARIOS["sq"], 81, 5, 2))
    assert command[-1] == "-S"
    assert command[command.index("-w") + 1] == "2.00"


@needs_compiler
def test_alike_bodies_are_kept_from_being_served_by_a_cache_but_in_the_hit_test(tmp_path: Path) -> None:
    tools = _standard(tmp_path)
    assert STALE in tools.driver_command(Run(SCENARIOS["c64"], 81, 5))
    assert STALE in tools.driver_command(Run(SCENARIOS["s0"], 81, 5))
    assert STALE not in tools.driver_command(Run(SCENARIOS["hit"], 81, 5))


@needs_compiler
def test_the_standards_figures_are_read(tmp_path: Path) -> None:
    report = _standard(tmp_path).report(json.dumps(PRINTED))
    assert (report.good, report.bad, report.first_bad, report.chunks) == (90, 1, "503 overloaded", 900)
    assert report.first_token_us is not None
    assert report.first_token_us.p50 == 3
    plain = {name: value for name, value in PRINTED.items() if name not in ("ttft_us", "chunk_us")}
    (tmp_path / "plain").mkdir()
    assert _standard(tmp_path / "plain").report(json.dumps({**plain, "errors": 0})).first_bad == ""


def test_a_folder_without_the_sources_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CannotCompile, match=r"mockd\.c, loadd\.c, mkbodies\.py"):
        StandardTools(tmp_path, tmp_path)


@needs_compiler
def test_what_the_compiler_says_is_told(tmp_path: Path) -> None:
    for name in SOURCES:
        (tmp_path / name).write_text("int main(void) { return missing; }\n")
    with pytest.raises(CannotCompile, match="missing"):
        StandardTools(tmp_path, tmp_path)


@pytest.mark.parametrize(("seen_per_s", "seconds"), [(100_000.0, 5.0), (2_000.0, 11.0), (10.0, 60.0), (0.0, 5.0)])
def test_a_counted_test_lasts_until_its_replies_may_be_expected(seen_per_s: float, seconds: float) -> None:
    assert SCENARIOS["c64"].seconds(5.0, 20_000, seen_per_s) == pytest.approx(seconds)


def test_a_timed_test_lasts_its_time() -> None:
    scenario: Scenario = SCENARIOS["s0"]
    assert scenario.seconds(5.0, 20_000, 10.0) == 5.0
