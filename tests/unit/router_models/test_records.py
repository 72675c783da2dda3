"""Learning from a gateway's records: what is read, what is fitted, and when a challenger takes the champion's place."""

import argparse
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from gateway.adapters.artefact import load_artefact, shipped_artefact
from router_models.cli_records import OUT, add_options, retrain
from router_models.data import DataError
from router_models.records import (
    HELD_OUT_PERCENT,
    LEAST_HELD_OUT,
    Labelled,
    Model,
    comparison,
    read_artefact,
    read_records,
    refit,
)
from tests.support.artefacts import packaged

SHIPPED = read_artefact(shipped_artefact())
WIDTH = len(SHIPPED.references[0]["loadings"])
REFERENCE = "llama-3.1-8b-instruct"


def a_row(number: int, label: float | None, latent: list[float], **others: Any) -> dict[str, Any]:
    """Build a row as a gateway writes it."""
    row = {
        "request_id": f"req-{number}",
        "tenant": "alice",
        "at_s": 1.0,
        "tier": "small",
        "reference": REFERENCE,
        "latent": latent,
        "familiarity": 1.0,
        "embedding": "",
        "space": SHIPPED.space,
        "label": label,
        "label_at_s": 2.0,
    }
    return {**row, **others}


def write(folder: Path, rows: list[dict[str, Any]]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "records-1.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def of_a_model(intercept_shift: float, count: int, seed: int = 1) -> list[dict[str, Any]]:
    """Draw labels of a model that is better or worse than the reference by so much."""
    chance, known = np.random.default_rng(seed), SHIPPED.model(REFERENCE)
    assert known is not None
    latent = chance.normal(size=(count, WIDTH))
    true = Model(known.intercept + intercept_shift, known.loadings, 0.0, known.prior)
    score = chance.random(count) < true.accepted(latent, np.ones(count))
    return [a_row(n, float(score[n]), latent[n].round(4).tolist()) for n in range(count)]


def test_the_last_word_on_each_request_counts_and_what_cannot_be_learnt_from_is_counted(tmp_path: Path) -> None:
    here = [0.0] * WIDTH
    rows = [
        a_row(1, 0.0, here, label_at_s=5.0),
        a_row(1, 1.0, here, label_at_s=9.0),
        a_row(1, 0.0, here, label_at_s=7.0),
        a_row(1, 0.5, here, tenant="bob"),
        a_row(2, None, here, label_at_s=None),
        a_row(3, 1.0, here, space="another"),
        a_row(4, 1.0, [], familiarity=0.0),
        a_row(5, 1.0, here, reference="gpt-4o", tier="large"),
    ]
    folder = write(tmp_path / "state" / "records", rows)
    with (folder / "records-1.jsonl").open("a") as file:
        file.write('{"request_id": "half')
    labelled, counts = read_records(tmp_path / "state", SHIPPED.space)
    assert {each.reference: sorted(each.score.tolist()) for each in labelled} == {
        "gpt-4o": [1.0],
        REFERENCE: [0.5, 1.0],
    }
    assert [each.tiers for each in labelled] == [("large",), ("small",)]
    assert dict(counts) == {
        "labelled": 5,
        "without a label": 1,
        "of another space": 1,
        "not placed": 1,
        "unreadable": 1,
    }


@pytest.mark.parametrize(("rows", "told"), [(None, "holds no records"), ([a_row(1, None, [0.0])], "1 without a label")])
def test_without_labels_there_is_nothing_to_learn(tmp_path: Path, rows: list[dict[str, Any]] | None, told: str) -> None:
    if rows is not None:
        write(tmp_path, rows)
    with pytest.raises(DataError, match=told):
        read_records(tmp_path, SHIPPED.space)


def all_of(rows: list[dict[str, Any]]) -> Labelled:
    count = len(rows)
    latent = np.array([row["latent"] for row in rows])
    return Labelled(
        REFERENCE, ("small",), latent, np.ones(count), np.array([row["label"] for row in rows]), np.zeros(count, bool)
    )


def test_many_labels_find_a_model_that_is_worse_than_its_reference_and_few_hardly_move_it() -> None:
    known = SHIPPED.model(REFERENCE)
    assert known is not None
    moved = []
    for count in (4, 4_000):
        labelled = all_of(of_a_model(-1.5, count))
        found = refit(known, labelled, np.ones(count, bool), SHIPPED.ridge(), SHIPPED.sample)
        moved.append(found.intercept - known.intercept)
        assert found.prior < known.prior
    assert moved[1] == pytest.approx(-1.5, abs=0.15)
    assert abs(moved[0]) < 1.0


def test_labels_of_unfamiliar_requests_count_by_their_familiarity() -> None:
    known = SHIPPED.model(REFERENCE)
    assert known is not None
    rows = of_a_model(-1.5, 200)
    whole = all_of(rows)
    faint = Labelled(REFERENCE, ("small",), whole.latent, np.full(200, 0.05), whole.score, whole.held_out)
    by_whole, by_faint = (
        refit(known, each, np.ones(200, bool), SHIPPED.ridge(), SHIPPED.sample).intercept for each in (whole, faint)
    )
    assert by_whole < by_faint < known.intercept


def test_held_out_labels_are_drawn_by_request_so_they_stay_where_they_are(tmp_path: Path) -> None:
    rows = of_a_model(0.0, 1_000)
    (first,), _ = read_records(write(tmp_path / "a", rows[:500]), SHIPPED.space)
    (second,), _ = read_records(write(tmp_path / "b", rows), SHIPPED.space)
    assert first.held_out.tolist() == second.held_out[:500].tolist()
    assert second.held_out.mean() == pytest.approx(HELD_OUT_PERCENT / 100, abs=0.05)


def test_a_challenger_is_promoted_only_if_better_and_surely_no_worse_than_the_margin() -> None:
    chance = np.random.default_rng(3)
    champion = chance.random(2_000)
    assert comparison(champion, champion - 0.05).is_promoted
    assert not comparison(champion, champion + 0.001).is_promoted
    assert not comparison(champion[: LEAST_HELD_OUT - 1], champion[: LEAST_HELD_OUT - 1] - 0.05).is_promoted
    noisy = champion - 0.001 + chance.normal(0, 2.0, 2_000)
    assert not comparison(champion, noisy).is_promoted
    assert comparison(champion[:1], champion[:1]).labels == 1


def run(*arguments: str) -> int:
    """Run the command as `train` does."""
    parser = argparse.ArgumentParser()
    add_options(parser)
    parser.add_argument("--out", type=Path, default=shipped_artefact())
    return retrain(parser.parse_args(arguments), Console(), shipped_artefact())


def test_a_better_model_is_written_and_the_gateway_reads_it(tmp_path: Path) -> None:
    records, out = write(tmp_path / "records", of_a_model(-1.5, 600)), tmp_path / "artefact"
    assert run("--from-records", str(records), "--out", str(out)) == 0
    before, after = packaged(), load_artefact(out)
    old, new = (each.catalogue.references[REFERENCE] for each in (before, after))
    assert new.intercept < old.intercept - 1.0
    assert new.prior < old.prior
    assert after.catalogue.digest != before.catalogue.digest
    assert after.manifest.version.startswith(before.manifest.version + "+")
    others = {name for name in before.catalogue.references if name != REFERENCE}
    assert all(before.catalogue.references[name] == after.catalogue.references[name] for name in others)
    told = json.loads((out / "manifest.json").read_bytes())["records"]
    assert (told["labels"], told["promoted"]) == (600, True)
    assert run("--from-records", str(records), "--artefact", str(out), "--out", str(out)) in (0, 1)
    assert load_artefact(out).manifest.version.count("+") == 1


def test_what_is_no_better_writes_nothing_unless_forced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    records, out = write(tmp_path / "records", of_a_model(-1.5, 20)), tmp_path / "artefact"
    assert run("--from-records", str(records), "--out", str(out)) == 1
    assert not out.exists()
    assert "Not decided" in capsys.readouterr().out
    monkeypatch.chdir(tmp_path)
    digests = {
        path: hashlib.sha256(path.read_bytes()).hexdigest() for path in shipped_artefact().iterdir() if path.is_file()
    }
    assert run("--from-records", str(records), "--force") == 0
    assert load_artefact(tmp_path / OUT).catalogue.references[REFERENCE].intercept != 0.0
    # The packaged model is never written over by default.
    assert digests == {
        path: hashlib.sha256(path.read_bytes()).hexdigest() for path in shipped_artefact().iterdir() if path.is_file()
    }


def test_labels_of_what_is_no_reference_are_left_out_and_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [a_row(n, 1.0, [0.0] * WIDTH, reference="my-own-model") for n in range(3)]
    with pytest.raises(DataError, match="`like` a reference"):
        run("--from-records", str(write(tmp_path, rows)))
    assert "my-own-model: not a reference" in capsys.readouterr().out


def test_a_directory_without_an_artefact_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="--artefact DIR"):
        run("--from-records", str(tmp_path), "--artefact", str(tmp_path / "none"))
