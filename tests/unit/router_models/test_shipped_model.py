"""The shipped model, as served, on the queries it was never trained on."""

import json
from pathlib import Path

import numpy as np
import pytest

from gateway.adapters.artefact import load_artefact, shipped_artefact
from gateway.adapters.scorer_folded import FoldedScorer
from gateway.domain.ability import acceptance
from router_models.benchmarks import STRONG, WEAK, two_tier_queries
from router_models.data import Outcomes, default_data_directory, read_outcomes
from router_models.measures import apgr

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
    artefact = load_artefact(shipped_artefact())
    weak, strong = artefact.catalogue.references[WEAK], artefact.catalogue.references[STRONG]
    tested = two_tier_queries(outcomes, "mmlu") & outcomes.where(split="test")
    prompts = [query.prompt for query, chosen in zip(outcomes.queries, tested, strict=True) if chosen]
    scorer = FoldedScorer(artefact.table)
    scores = [scorer.score_text(prompt) for prompt in prompts]
    gain = np.array([acceptance(strong, score) - acceptance(weak, score) for score in scores])
    length = np.array([float(len(prompt)) for prompt in prompts])
    below, above = (outcomes.score[tested, outcomes.column(name)].astype(np.float64) for name in (WEAK, STRONG))
    reached = apgr(gain, below, above)
    assert reached == pytest.approx(manifest["metrics"]["apgr_mmlu"], abs=0.002)
    assert reached > apgr(length, below, above) + 0.05
