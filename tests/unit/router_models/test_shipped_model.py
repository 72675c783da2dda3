"""The shipped model, as served, on the queries it was never trained on."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from gateway.adapters.artefact import shipped_artefact
from gateway.adapters.scorer_folded import FoldedScorer
from gateway.adapters.scorer_static import StaticScorer
from gateway.core.request_text import RequestText
from gateway.domain.ability import acceptance
from router_models.benchmarks import STRONG, WEAK, two_tier_queries
from router_models.data import Mask, Outcomes, default_data_directory, read_outcomes
from router_models.headline import extremes
from router_models.measures import apgr
from router_models.probing import PLEAS
from router_models.robustness import Score, Scored, probe
from router_models.scientific import Doubles
from tests.support.artefacts import packaged

PROBED = 300
DATA = default_data_directory() / "routing" / "outcomes.csv.gz"


def _outcomes() -> Outcomes:
    if not DATA.is_file():
        pytest.skip(f"the routing outcomes are absent: {'/'.join(DATA.parts[-4:])} beside the repository")
    return read_outcomes(DATA.parents[1])


@pytest.mark.data
def test_the_shipped_model_was_trained_on_these_data_and_beats_length_on_their_test_split() -> None:
    outcomes = _outcomes()
    manifest = json.loads((Path(shipped_artefact()) / "manifest.json").read_text("utf-8"))
    assert manifest["training_data_sha256"] == outcomes.digest
    everything, mmlu = outcomes.where(split="test"), two_tier_queries(outcomes, "mmlu") & outcomes.where(split="test")
    model, length = _apgr(outcomes, extremes(outcomes), everything)
    assert model == pytest.approx(manifest["metrics"]["apgr_folded"], abs=0.002)
    assert model > length + 0.05
    model, length = _apgr(outcomes, (outcomes.column(WEAK), outcomes.column(STRONG)), mmlu)
    assert model > length + 0.05


def _apgr(outcomes: Outcomes, pair: tuple[int, int], tested: Mask) -> tuple[float, float]:
    """Return the APGR of the folded stage as served, and of prompt length."""
    shared = tested & outcomes.seen[:, list(pair)].all(axis=1)
    prompts = [query.prompt for query, chosen in zip(outcomes.queries, shared, strict=True) if chosen]
    below, above = (outcomes.score[shared, column].astype(np.float64) for column in pair)
    length = np.array([float(len(prompt)) for prompt in prompts])
    return apgr(_gains(outcomes, pair, prompts), below, above), apgr(length, below, above)


def _gains(outcomes: Outcomes, pair: tuple[int, int], prompts: list[str]) -> Doubles:
    artefact = packaged()
    weak, strong = (artefact.catalogue.references[outcomes.references[column]] for column in pair)
    scorer = FoldedScorer(artefact.table)
    scores = [scorer.score_text(prompt) for prompt in prompts]
    return np.array([acceptance(strong, score) - acceptance(weak, score) for score in scores])


@pytest.mark.data
@pytest.mark.parametrize("stage", ["folded", "static"])
def test_edits_that_keep_the_meaning_and_pleas_hardly_change_where_prompts_are_sent(stage: str) -> None:
    """The gate of a release: R10's edits and attacks, on the shipped model as it is served."""
    outcomes = _outcomes()
    rows = np.random.default_rng(1).permutation(np.flatnonzero(outcomes.where(split="test")))[:PROBED]
    found = probe(_score(stage), [outcomes.queries[row].prompt for row in rows], seed=1)
    kept = {each.edit: each.flips for each in found if not each.is_attack}
    assert np.mean(list(kept.values())) < 0.02
    assert max(kept.values()) <= 0.05
    for each in found:
        assert each.flips <= 0.05, each.edit
        if each.edit in PLEAS:
            assert abs(each.cost_moved) <= 0.002, each.edit


def _score(stage: str) -> Score:
    """Score as the gateway does by one stage; the dear tier costs ten times as much."""
    artefact = packaged()
    weak, strong = (artefact.catalogue.references[name] for name in (WEAK, STRONG))
    folded = FoldedScorer(artefact.table, artefact.table.adds)
    static = StaticScorer(artefact.static, artefact.table)

    def score(texts: Sequence[str]) -> Scored:
        scores = [folded.score_text(text) for text in texts]
        if stage == "static":
            scores = [static.score(RequestText(text), at) for text, at in zip(texts, scores, strict=True)]
        gain = [acceptance(strong, each) - acceptance(weak, each) for each in scores]
        return Scored(np.array(gain), np.tile([1.0, 10.0], (len(texts), 1)))

    return score
