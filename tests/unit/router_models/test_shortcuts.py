"""Which stage decides: the rule for many queries at once is the gateway's own rule for one."""

from dataclasses import replace

import numpy as np
import pytest

from gateway.core.undecided import undecided
from gateway.domain.ability import Ability, ClassifierOutcome, Score
from router_models.fits import Placed
from router_models.heads import Space
from router_models.router import Stage
from router_models.scientific import logistic
from router_models.shortcuts import apgr_of_choices, chain, chosen_by, is_open, thresholds
from tests.support.tiers import a_dial, a_request, a_tier

QUERIES, LATENT, TIERS = 300, 3, 3
COLUMNS = list(range(TIERS))


def _placed(seed: int = 5) -> Placed:
    chance = np.random.default_rng(seed)
    return Placed(
        rows=np.arange(QUERIES),
        latents={stage: chance.normal(size=(QUERIES, LATENT)).astype(np.float32) for stage in Stage},
        spreads={
            Stage.FOLDED: np.full(LATENT, 0.6, np.float32),
            Stage.STATIC: np.full(LATENT, 0.2, np.float32),
            Stage.ENCODER: np.zeros(LATENT, np.float32),
        },
        familiarity=chance.uniform(0.3, 1, QUERIES).astype(np.float32),
        space=Space(chance.normal(size=(TIERS, LATENT)).astype(np.float32), np.array([-0.5, 0.0, 0.8], np.float32)),
        priors=np.array([0.4, 0.5, 0.7], np.float32),
    )


def test_chances_mix_the_prior_in_by_what_is_unfamiliar() -> None:
    placed = _placed()
    unknown = replace(placed, familiarity=np.zeros(QUERIES, np.float32))
    assert unknown.chance(Stage.FOLDED)[0] == pytest.approx(placed.priors)
    known = replace(placed, familiarity=np.ones(QUERIES, np.float32))
    wanted = logistic(placed.space.logits(placed.latents[Stage.FOLDED]))
    assert known.chance(Stage.FOLDED) == pytest.approx(wanted)
    assert placed.some(np.array([4, 2])).chance(Stage.STATIC, [1])[:, 0] == pytest.approx(
        placed.chance(Stage.STATIC)[[4, 2], 1]
    )


@pytest.mark.parametrize("stage", [Stage.FOLDED, Stage.STATIC])
def test_what_is_open_is_what_the_gateway_leaves_open(stage: Stage) -> None:
    placed, request = _placed(), a_request()
    tiers = [
        a_tier(
            f"t{at}",
            ability=Ability("x", intercept, tuple(loadings), 0.0, prior, ()),
            output_usd_pico=(at + 1) * 1_000_000,
            expected_output_tokens=1_000,
        )
        for at, (intercept, loadings, prior) in enumerate(
            zip(
                placed.space.intercepts.tolist(),
                placed.space.loadings.tolist(),
                placed.priors.tolist(),
                strict=True,
            )
        )
    ]
    dial = a_dial(value=100.0)
    costs = np.tile([(at + 1) * 1e-3 for at in COLUMNS], (QUERIES, 1))
    found = is_open(placed, stage, COLUMNS, costs, dial.value)
    wanted = [
        undecided(
            Score(
                tuple(map(float, placed.latents[stage][row])),
                float(placed.familiarity[row]),
                "x",
                ClassifierOutcome.FOLDED,
                tuple(map(float, placed.spreads[stage])),
            ),
            tiers,
            dial,
            request,
        )
        for row in range(QUERIES)
    ]
    assert 0 < sum(wanted) < QUERIES
    assert found.tolist() == wanted


def test_the_best_stage_leaves_nothing_open() -> None:
    placed = _placed()
    assert not is_open(placed, Stage.ENCODER, COLUMNS, np.zeros((QUERIES, TIERS)), 1.0).any()


def test_a_chain_without_width_is_its_first_stage_and_with_all_width_its_last() -> None:
    placed, costs = _placed(), np.tile([0.0, 0.1, 0.3], (QUERIES, 1))
    first, last = (chosen_by(placed, stage, COLUMNS, costs, 1.0) for stage in (Stage.FOLDED, Stage.ENCODER))
    narrow, wide = (chain(placed, list(Stage), COLUMNS, costs, 1.0, width) for width in (0.0, 1e6))
    assert narrow.chosen.tolist() == first.tolist()
    assert set(narrow.decided_by) == {0}
    assert wide.chosen.tolist() == last.tolist()
    assert set(wide.decided_by) == {2}


def test_thresholds_send_a_tenth_more_each() -> None:
    gain = np.linspace(0, 1, 100)
    shares = [float((gain > threshold).mean()) for threshold in thresholds(gain)]
    assert shares == pytest.approx(np.linspace(0, 1, 11), abs=0.011)
    choices = [gain > threshold for threshold in thresholds(gain)]
    assert apgr_of_choices(choices, np.ones(100)) == pytest.approx(0.5, abs=0.01)
