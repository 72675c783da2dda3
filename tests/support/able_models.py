"""Model servers of known ability: each answers a probe right with the probability that its ability says."""

import math
from collections.abc import Sequence
from random import Random

from gateway.adapters.artefact import Artefact
from gateway.adapters.scorer_folded import FoldedScorer
from gateway.core.ability_fit import prior_of
from gateway.core.probes.plan import plan
from gateway.core.probes.probe import Probe
from gateway.domain.ability import Ability, sigmoid
from tests.support.artefacts import packaged
from tests.support.behaviours import json_reply
from tests.support.openai_bodies import Words, chat_answer
from tests.support.scripts import Script, SeenRequest

ARTEFACT: Artefact = packaged()
SCORER = FoldedScorer(ARTEFACT.table)


def an_able(deviations: float) -> Ability:
    """Return an ability whose intercept lies so many standard deviations above the mean of the references."""
    prior = prior_of(ARTEFACT.catalogue.references.values())
    intercept = prior.mean[0] + deviations * math.sqrt(prior.covariance[0][0])
    return Ability("", intercept, prior.mean[1:], 0.0, 0.5, ())


def chance_of(ability: Ability, latent: Sequence[float]) -> float:
    """Return P(right) by the formula itself, written out once more."""
    return sigmoid(ability.intercept + math.fsum(a * z for a, z in zip(ability.loadings, latent, strict=True)))


class AbleModel:
    """A scripted model server that knows the probes of a plan. The same seed gives the same answers."""

    def __init__(self, ability: Ability, probes: Sequence[Probe] = (), seed: int = 1) -> None:
        self.probes = {probe.task.text: probe for probe in probes or plan(1, 1_000)}
        self._ability = ability
        self._seed = seed

    def answer(self, text: str) -> str:
        """Answer a probe, right or wrong, after some thinking."""
        probe = self.probes[text]
        chance = Random(f"{self._seed} {probe.key}").random()
        is_right = chance < chance_of(self._ability, SCORER.score_text(text).latent)
        said = probe.task.solution if is_right else "I do not know."
        return f"<think>Let me see. Answer: 0</think>\n{said}"

    def __call__(self, request: SeenRequest) -> Script:
        """Behave as a model server."""
        text = request.json["messages"][-1]["content"]
        said = Words(model=request.model, pieces=tuple(self.answer(text).split(" ")), input_tokens=40)
        spaced = Words(model=said.model, pieces=tuple(f"{piece} " for piece in said.pieces), input_tokens=40)
        return json_reply(200, chat_answer(spaced))
