"""An artefact is served only when every file is the one its manifest names."""

import hashlib
import io
import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gateway.adapters.artefact import ARTEFACT_FORMAT, ArtefactError, load_artefact, shipped_artefact
from gateway.core.features import FEATURE_VERSION
from gateway.domain.ability import acceptance, unknown_score

FILES = ("manifest.json", "folded.npz", "references.json", "calibration.npz", "graded.npz")
EIGHT_B, MINI, LARGE = "llama-3.1-8b-instruct", "gpt-4o-mini", "gpt-4o"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    copy = tmp_path / "artefact"
    shutil.copytree(shipped_artefact(), copy)
    return copy


def _edit_manifest(directory: Path, change: Callable[[dict[str, object]], object]) -> None:
    path = directory / "manifest.json"
    manifest = json.loads(path.read_text("utf-8"))
    change(manifest)
    path.write_text(json.dumps(manifest), "utf-8")


def _replace(directory: Path, name: str, raw: bytes) -> None:
    """Put other bytes into a file and have the manifest vouch for them."""
    (directory / name).write_bytes(raw)
    path = directory / "manifest.json"
    manifest = json.loads(path.read_text("utf-8"))
    manifest["files"][name] = hashlib.sha256(raw).hexdigest()
    path.write_text(json.dumps(manifest), "utf-8")


def test_the_shipped_artefact_is_sound_and_ranks_well_known_models() -> None:
    catalogue = load_artefact(shipped_artefact()).catalogue
    priors = [found.prior for name in (EIGHT_B, MINI, LARGE) if (found := catalogue.find(name)) is not None]
    assert len(priors) == 3
    assert priors == sorted(priors)
    assert len(catalogue.references) >= 80
    assert set(catalogue.expected_output_tokens) == set(catalogue.references)
    assert all(0.0 < each.prior < 1.0 and each.standard_error > 0.0 for each in catalogue.references.values())


def test_the_prior_is_the_mean_acceptance_over_the_calibration_requests() -> None:
    catalogue = load_artefact(shipped_artefact()).catalogue
    ability = catalogue.references[MINI]
    full = [acceptance(ability, each.score) for each in catalogue.requests]
    assert 1_500 <= len(full) <= 2_500
    assert sum(full) / len(full) == pytest.approx(ability.prior, abs=0.01)
    assert acceptance(ability, unknown_score("any")) == ability.prior


def test_graded_answers_are_zero_to_one_and_come_with_a_kind_of_task() -> None:
    catalogue = load_artefact(shipped_artefact()).catalogue
    graded = catalogue.graded
    assert len(graded.requests) > 5_000
    assert set(graded.scores) == set(catalogue.references)
    known = [score for column in graded.scores.values() for score in column if not math.isnan(score)]
    assert len(known) > 50_000
    assert all(0.0 <= score <= 1.0 for score in known)
    assert sum(score in (0.0, 1.0) for score in known) > 0.97 * len(known)
    tasks = {each.task for each in graded.requests}
    assert tasks == {each.task for each in catalogue.requests} >= {"maths", "code", "knowledge"}


def test_graded_answers_of_another_shape_are_refused(directory: Path) -> None:
    with np.load(directory / "graded.npz") as arrays:
        kept = dict(arrays)
    kept["levels"] = kept["levels"][:, 1:]
    written = io.BytesIO()
    np.savez(written, allow_pickle=False, **kept)
    _replace(directory, "graded.npz", written.getvalue())
    with pytest.raises(ArtefactError, match="the graded answers are"):
        load_artefact(directory)


def test_the_shipped_artefact_is_small() -> None:
    assert sum((shipped_artefact() / name).stat().st_size for name in FILES) < 4_000_000


def test_every_alias_leads_to_a_reference() -> None:
    catalogue = load_artefact(shipped_artefact()).catalogue
    assert set(catalogue.aliases.values()) <= set(catalogue.references)
    assert not set(catalogue.aliases) & set(catalogue.references)
    found = catalogue.find("meta-llama/Meta-Llama-3.1-8B-Instruct")
    assert found is not None
    assert found.reference == EIGHT_B


@pytest.mark.parametrize("name", FILES[1:])
def test_a_tampered_file_is_refused_and_named(directory: Path, name: str) -> None:
    raw = bytearray((directory / name).read_bytes())
    raw[len(raw) // 2] ^= 1
    (directory / name).write_bytes(raw)
    with pytest.raises(ArtefactError, match="was changed: its SHA-256") as caught:
        load_artefact(directory)
    assert caught.value.path == directory / name
    assert "Reinstall the package" in str(caught.value)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(directory: Path, name: str) -> None:
    (directory / name).unlink()
    with pytest.raises(ArtefactError, match="cannot be read") as caught:
        load_artefact(directory)
    assert caught.value.path == directory / name


@pytest.mark.parametrize(("key", "what"), [("format", "format"), ("feature_version", "feature version")])
def test_another_version_is_refused_with_both_versions_named(directory: Path, key: str, what: str) -> None:
    _edit_manifest(directory, lambda manifest: manifest.update({key: 99}))
    read = ARTEFACT_FORMAT if key == "format" else FEATURE_VERSION
    with pytest.raises(ArtefactError, match=f"has {what} 99, but this gateway reads {read}"):
        load_artefact(directory)


def test_a_manifest_that_is_no_manifest_is_refused(directory: Path) -> None:
    (directory / "manifest.json").write_text("{]", "utf-8")
    with pytest.raises(ArtefactError, match="is no manifest"):
        load_artefact(directory)


def test_a_file_that_the_manifest_does_not_list_is_refused(directory: Path) -> None:
    _edit_manifest(directory, lambda manifest: manifest.update(files={}))
    with pytest.raises(ArtefactError, match=r"does not list folded\.npz"):
        load_artefact(directory)


@pytest.mark.parametrize(("name", "raw"), [("references.json", b"[{}]"), ("folded.npz", b"no archive")])
def test_files_of_another_shape_are_refused_even_when_vouched_for(directory: Path, name: str, raw: bytes) -> None:
    _replace(directory, name, raw)
    with pytest.raises(ArtefactError, match="do not hold what they should"):
        load_artefact(directory)


def test_a_table_of_another_rank_is_refused(directory: Path) -> None:
    _edit_manifest(directory, lambda manifest: manifest.update(latent=3))
    with pytest.raises(ArtefactError, match="the word table is"):
        load_artefact(directory)


def test_the_digest_changes_with_the_manifest(directory: Path) -> None:
    before = load_artefact(directory).catalogue.digest
    _edit_manifest(directory, lambda manifest: manifest.update(version="2"))
    assert load_artefact(directory).catalogue.digest != before


def test_a_difficulty_model_may_have_no_verifier(directory: Path) -> None:
    _edit_manifest(directory, lambda manifest: manifest.update(files=_without(manifest["files"], "verifier.npz")))
    assert load_artefact(directory).verifier is None
    assert load_artefact(shipped_artefact()).verifier is not None


def test_a_verifier_that_was_trained_on_another_table_is_refused(directory: Path) -> None:
    with np.load(directory / "static.npz") as file:
        arrays = {name: file[name] for name in file.files}
    arrays["table_unit"] = arrays["table_unit"] * np.float32(2.0)
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    _replace(directory, "static.npz", buffer.getvalue())
    with pytest.raises(ArtefactError, match=r"verifier train") as refused:
        load_artefact(directory)
    assert refused.value.path.name == "verifier.npz"


def _without(files: object, name: str) -> dict[str, str]:
    assert isinstance(files, dict)
    return {each: digest for each, digest in files.items() if each != name}
