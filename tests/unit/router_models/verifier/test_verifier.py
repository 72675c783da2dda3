"""Training the verifier of semantic hits, on a small world of questions."""

import shutil
from pathlib import Path
from random import Random

import numpy as np
import pytest

from gateway.adapters.artefact import load_artefact, shipped_artefact
from gateway.adapters.encoder_model import EMBEDDING_SCALE
from gateway.adapters.hit_verifier import TreeHitVerifier
from gateway.core.pair_features import FEATURE_NAMES
from router_models.__main__ import main
from router_models.data import DataError
from router_models.verifier.edits import EDITS, make_edits, strangers
from router_models.verifier.encoder_cosines import embeddings, read_encoder, with_cosines
from router_models.verifier.export import write_verifier
from router_models.verifier.features import Reader
from router_models.verifier.fit import Design, counts_of, fit, make_design, shares_of, weighed_counts
from router_models.verifier.held_out import FAMILY_FOLDS, family_folds, kind_folds, shipped_mask
from router_models.verifier.pairs import components, pairs_of, read_edits, read_intents, read_questions
from router_models.verifier.space import Space, learn_space, read_piece_table
from router_models.verifier.trees import grow
from tests.support.artefacts import packaged
from tests.support.encoder_folders import artefact_with_encoder
from tests.support.question_pairs import write_pairs
from tests.support.toy_encoders import EMBEDDING

TABLE = read_piece_table(shipped_artefact())


def quiet(what: str) -> None:
    """Say nothing of the progress."""


def with_toy_encoder(folder: Path, weights: str) -> Path:
    """Write an artefact whose encoder is of these weights into a folder, and return it."""
    folder.mkdir()
    names = {"model.safetensors": weights}
    return artefact_with_encoder(folder, ("model.int8.onnx",), weights_sha256=names, embedding=EMBEDDING)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pairs(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kept")


@pytest.fixture(scope="module")
def design(data: Path, kept: Path) -> Design:
    return make_design(data, TABLE, kept, quiet)


def test_pairs_are_read_with_what_is_said_of_them(data: Path) -> None:
    questions, edits = read_questions(data), read_edits(data)
    assert len(questions) == 600
    assert set(questions.splits.tolist()) == {"train", "calib", "test"}
    assert set(edits.kinds.tolist()) == {"number-edit", "typo", "NER"}
    texts, intents = read_intents(data, "banking77")
    assert len(texts) == 80, "what fits no intent is left out"
    assert set(intents.tolist()) == {"i0", "i1", "i2", "i3"}


def test_data_that_are_absent_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"qqp_pairs\.jsonl\.gz is not there"):
        read_questions(tmp_path)
    with pytest.raises(DataError, match="is not there"):
        read_piece_table(tmp_path)


def test_some_of_the_pairs_may_be_taken_even_none(data: Path) -> None:
    questions = read_questions(data)
    assert len(questions.where(questions.splits == "calib")) == 150
    assert len(questions.where(questions.splits == "nothing")) == 0


def test_pairs_that_share_a_question_are_of_one_component() -> None:
    found = components(pairs_of([("a", "b", 1), ("c", "d", 0), ("b", "e", 1), ("f", "f", 1)]))
    assert found[0] == found[2]
    assert len(set(found.tolist())) == 3


def test_a_space_brings_the_same_questions_nearer_than_others(data: Path) -> None:
    questions = read_questions(data)
    train = questions.where(questions.splits == "train")
    cached, asked, labels = train.cached * 10, train.asked * 10, np.tile(train.labels, 10)
    space = learn_space(TABLE, cached, asked, labels, 1, quiet)
    reader = Reader(TABLE, space)
    cosines = (reader.vectors(train.cached) * reader.vectors(train.asked)).sum(axis=1)
    assert cosines[train.labels == 1].mean() > cosines[train.labels == 0].mean() + 0.02
    again = learn_space(TABLE, cached, asked, labels, 1, quiet)
    assert (again.projection == space.projection).all(), "the same data and seed"
    assert (space.weights > 0).all()


def test_a_few_pairs_make_one_batch() -> None:
    same = np.ones(3, np.int8)
    space = learn_space(TABLE, ("a cat", "a dog", "tea"), ("cats", "dogs", "teas"), same, 1, quiet)
    assert np.isfinite(space.projection).all()


def test_features_are_those_that_serving_computes() -> None:
    shipped = packaged()
    assert shipped.verifier is not None
    verifier = TreeHitVerifier(shipped.verifier, shipped.static, "any")
    reader = Reader(TABLE, Space(shipped.verifier.piece_weights, shipped.verifier.projection))
    pairs = pairs_of([("How do I bake bread?", "How can I bake good bread in 2 hours?", 1), ("Why?", "?!", 0)])
    features = reader.features(pairs)
    (cosine,) = (reader.vectors(pairs.cached[:1]) * reader.vectors(pairs.asked[:1])).sum(axis=1)
    asked, cached = verifier.read(pairs.asked[0]), verifier.read(pairs.cached[0])
    (judged,) = verifier.judge(asked, [cached], [float(cosine)])
    logit = (
        shipped.verifier.slope * shipped.verifier.trees.sums(features[:1].astype(np.float64)) + shipped.verifier.offset
    )
    assert judged.probability == pytest.approx(float(1 / (1 + np.exp(-logit[0]))), abs=1e-6)
    assert (features[1] == 0.0).all(), "a text without a word"


def test_each_rule_makes_an_edit_that_its_label_fits() -> None:
    questions = [
        "Is it safe to cook old rice and pasta for 2 days in Rome?",
        "Should I give good bread to large dogs or cats in Oslo?",
        "Why do not more people buy sweet soup from Lima?",
    ] * 40
    made = make_edits(questions, TABLE, 3, len(EDITS))
    assert len(made) > 200
    assert set(made.labels.tolist()) == {0, 1}
    assert all(cached != asked for cached, asked in zip(made.cached, made.asked, strict=True))
    but_for_spaces = [
        cached.replace(" ", "") == asked.replace(" ", "") for cached, asked in zip(made.cached, made.asked, strict=True)
    ]
    assert (made.labels[but_for_spaces] == 1).all()
    assert len(made.labels[but_for_spaces]) > 5
    texts = [*made.cached, *made.asked]
    for part in (" not ", "pasta and rice", "less people", "actually", " ot "):
        assert any(part in text for text in texts)
    again = make_edits(questions, TABLE, 3, len(EDITS))
    assert (again.cached, again.asked) == (made.cached, made.asked)


def test_of_what_offers_nothing_to_edit_nothing_is_made() -> None:
    assert all("?" in text or "." in text for text in make_edits(["?"], TABLE, 3, len(EDITS)).asked)


def test_strangers_are_never_the_same() -> None:
    made = strangers(["a", "b", "c"], 200, 1)
    assert len(made) < 200
    assert all(cached != asked for cached, asked in zip(made.cached, made.asked, strict=True))
    assert not made.labels.any()


def test_trees_learn_and_what_may_only_rise_does() -> None:
    chance = np.random.default_rng(1)
    features = chance.random((2_000, len(FEATURE_NAMES))).astype(np.float32)
    labels = (features[:, 0] + 0.3 * chance.random(2_000) > 0.6).astype(np.int8)
    trees = grow(features, labels, np.ones(2_000, np.float32), 1, rounds=30)
    sums = trees.sums(features)
    assert ((sums > 0) == (labels == 1)).mean() > 0.85
    probe = np.tile(features[:1], (50, 1))
    probe[:, 0] = np.linspace(0, 1, 50)
    assert (np.diff(trees.sums(probe)) >= -1e-9).all()
    assert trees.depth <= 8
    kept = type(trees).read(trees.arrays())
    assert kept.sums(features) == pytest.approx(sums, abs=1e-6)


def test_counts_are_those_of_each_bin_and_the_sure_half_is_cut_finely() -> None:
    chance = Random(2)
    probabilities = np.array([chance.random() for _ in range(5_000)])
    labels = (probabilities > 0.5).astype(np.int8)
    counts = counts_of(probabilities, labels, np.arange(5_000))
    assert counts.edges[0] == 0.0
    assert sum(counts.right) == int(labels.sum())
    assert sum(counts.wrong) == int((labels == 0).sum())
    assert len(counts.edges) == 101
    assert counts_of(np.full(10, 0.25), np.ones(10, np.int8), np.arange(10)).right == (0, 10)


def test_pairs_of_one_component_count_as_one_pair() -> None:
    shares = shares_of(np.array([0, 1, 2, 2, 2, 3, 4, 4, 5]))
    assert shares == pytest.approx([1, 1, 1 / 3, 1 / 3, 1 / 3, 1, 1 / 2, 1 / 2, 1])
    bins = np.repeat([0, 1, 2], [2, 3, 4])
    labels = np.array([1, 0, 1, 1, 1, 0, 1, 1, 1], np.int8)
    counts = weighed_counts(np.array([0.0, 0.9, 0.95]), bins, labels, shares)
    assert counts.right == (1, 1, 2), "three thirds and two halves are one each"
    assert counts.wrong == (1, 0, 1)
    halves = counts_of(np.array([0.9, 0.9, 0.9, 0.9]), np.array([1, 0, 1, 0], np.int8), np.array([0, 0, 1, 2]))
    assert sum(halves.right) == 1, "one and a half: what is right is rounded down"
    assert sum(halves.wrong) == 2, "and what is wrong is rounded up"


def test_a_fit_is_kept_and_read_again(design: Design, kept: Path) -> None:
    everything = shipped_mask(design.edits)
    said: list[str] = []
    verifier = fit(design, everything, kept, said.append)
    assert said, "trees are grown"
    said.clear()
    again = fit(design, everything, kept, said.append)
    assert not said, "they are not grown again"
    assert (again.slope, again.offset) == (verifier.slope, verifier.offset)
    test = design.questions.splits == "test"
    likely = verifier.probabilities(design.question_features[test])
    assert likely[design.questions.labels[test] == 1].mean() > likely[design.questions.labels[test] == 0].mean() + 0.2


def test_a_design_is_kept_and_no_train_pair_has_the_features_of_its_own_space(
    design: Design, data: Path, kept: Path
) -> None:
    said: list[str] = []
    again = make_design(data, TABLE, kept, said.append)
    assert said == ["make edits"]
    assert (again.question_features == design.question_features).all()
    train = np.flatnonzero(design.questions.splits == "train")[:20]
    own = Reader(TABLE, design.space).features(design.questions.where(np.isin(np.arange(len(design.questions)), train)))
    assert (own[:, 0] != design.question_features[train][:, 0]).mean() > 0.9


def test_folds_leave_out_whole_families_and_whole_kinds(design: Design) -> None:
    families = family_folds(design.edits)
    assert len(families) == FAMILY_FOLDS
    assert (np.sum(list(families.values()), axis=0) == 1).all()
    assert set(kind_folds(design.edits)) == {"kind NER", "kind number-edit"}, "others have no wrong answer"


def test_the_command_puts_a_verifier_beside_a_difficulty_model(data: Path, kept: Path, tmp_path: Path) -> None:
    folder = tmp_path / "artefact"
    shutil.copytree(shipped_artefact(), folder)
    before = (folder / "verifier.npz").read_bytes()
    assert main(["verifier", "train", "--data", str(data), "--out", str(folder), "--kept", str(kept)]) == 0
    artefact = load_artefact(folder)
    assert artefact.verifier is not None
    assert sum(artefact.verifier.calibration.right) + sum(artefact.verifier.calibration.wrong) == 150
    assert (folder / "verifier.npz").read_bytes() != before


def test_the_command_fits_a_verifier_to_an_encoder_beside_the_other(data: Path, kept: Path, tmp_path: Path) -> None:
    folder = with_toy_encoder(tmp_path / "artefact", "0123456789")
    before = (folder / "verifier.npz").read_bytes()
    arguments = ["verifier", "train", "--data", str(data), "--out", str(folder), "--kept", str(kept)]
    assert main([*arguments, "--encoder", str(folder / "encoder")]) == 0
    artefact = load_artefact(folder)
    assert artefact.encoder_verifier is not None
    assert artefact.encoder_verifier.encoder == "0123456789"
    assert (folder / "verifier.npz").read_bytes() == before
    assert main([*arguments, "--encoder", str(tmp_path)]) == 2


def test_pairs_have_the_cosine_of_the_encoder_as_serving_has_it_and_keep_all_else(
    design: Design, kept: Path, tmp_path: Path
) -> None:
    folder = with_toy_encoder(tmp_path / "artefact", "9876543210")
    encoder = read_encoder(folder / "encoder")
    said: list[str] = []
    read = with_cosines(design, encoder, kept, said.append)
    assert said[-1].startswith("through the encoder: ")
    assert read.key != design.key
    assert set(read.edits.splits.tolist()) == {"train", "test"}
    assert sum(read.questions.splits == "test") == sum(design.questions.splits == "test")
    assert sum(read.is_calibration) == sum(design.is_calibration)
    first = read.questions.cached[0], read.questions.asked[0]
    cached, asked = embeddings(first, encoder, kept, said.append).astype(np.float32)
    assert np.linalg.norm(cached) == pytest.approx(EMBEDDING_SCALE, rel=0.02)
    cosine = float(cached @ asked / np.linalg.norm(cached) / np.linalg.norm(asked))
    assert read.question_features[0, 0] == pytest.approx(cosine, abs=1e-5)
    assert (read.question_features[0, 1:] == design.question_features[0, 1:]).all()
    said.clear()
    fewer = with_cosines(design, encoder, kept, said.append, most=7)
    assert not said, "no text is passed through twice"
    assert sum(fewer.questions.splits == "train") == 7


def test_without_a_difficulty_model_the_command_says_so(data: Path, tmp_path: Path) -> None:
    assert main(["verifier", "train", "--data", str(data), "--out", str(tmp_path)]) == 2
    with pytest.raises(DataError, match="stands beside"):
        write_verifier(tmp_path, b"")
