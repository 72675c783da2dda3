"""A new difficulty model takes the old one's place: wholly or not at all, and under no request's feet."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.adapters.artefact import Artefact, load_artefact
from gateway.adapters.scorer_folded import FoldedScorer
from gateway.app.artefact_in_force import ArtefactInForce
from gateway.app.policy_in_force import PolicyInForce
from gateway.app.policy_reading import compiler
from gateway.app.settings import CannotStart
from gateway.domain.outcome import Outcome
from gateway.domain.request import Operation
from gateway.pipeline.drive import Pipeline
from gateway.pipeline.world import HitJudge, HitJudges
from gateway.policy.snapshot import PolicySnapshot
from gateway.policy.source import PolicySource
from tests.support.artefacts import write_variant
from tests.support.gateways import CHAT, Gateway
from tests.support.semantic import ToldVerifier, WordEmbedder

POLICY = """\
version: 1
tiers:
  small:
    {model: answer, price: {input: 1, output: 2}, context: 32k, ability: {like: llama-3.1-8b-instruct},
     endpoints: [{url: "http://small:8000/v1"}]}
  large:
    {model: answer-large, price: {input: 10, output: 20}, context: 32k, ability: {like: gpt-4-1106-preview},
     endpoints: [{url: "http://large:8000/v1"}]}
models: {auto: {route: balanced}}
routes: {balanced: {dial: 50, cache: {exact: off}}}
"""

REQUESTS_A_SWAP = 25
"""By each of eight clients: a loop that is never idle leaves the thread that loads the next model little time."""


def in_force(folder: Path) -> tuple[PolicyInForce, ArtefactInForce]:
    """Put the first model and a policy compiled against it in force."""
    artefact = load_artefact(folder)
    source = PolicySource("p.yaml", POLICY)
    compiled = compiler(artefact)(source)
    assert isinstance(compiled, PolicySnapshot), compiled
    policy = PolicyInForce(compiled, source, compiler(artefact), may_open=True)
    return policy, ArtefactInForce(
        artefact, policy, compiler=compiler, make_scorer=make_scorer, make_judges=make_judges
    )


def make_scorer(artefact: Artefact) -> FoldedScorer:
    return FoldedScorer(artefact.table)


def make_judges(artefact: Artefact) -> HitJudges | None:
    if artefact.manifest.version == "without":
        return None
    verifier = ToldVerifier()
    return HitJudges(HitJudge(artefact.manifest.version, WordEmbedder(), verifier, verifier.read))


async def test_a_new_model_brings_its_abilities_and_its_scorer_together(tmp_path: Path) -> None:
    policy, model = in_force(write_variant(tmp_path / "one", "one"))
    before = policy.snapshot
    assert await model.offer(write_variant(tmp_path / "two", "two", shift=0.5))
    after = policy.snapshot
    assert after.id != before.id
    assert list(model.scorers) == list(model.judges) == [after.artefact] != [before.artefact]
    assert model.judges[after.artefact].static.name == "two"
    assert after.space == before.space
    for name, tier in after.tiers.items():
        assert tier.ability.intercept == pytest.approx(before.tiers[name].ability.intercept + 0.5)
    assert (model.reloads.accepted, model.reloads.refused, model.problem) == (1, 0, "")
    assert not await model.offer(tmp_path / "two")
    assert model.reloads.accepted == 1


async def test_a_model_without_a_verifier_has_no_judge(tmp_path: Path) -> None:
    policy, model = in_force(write_variant(tmp_path / "one", "one"))
    assert await model.offer(write_variant(tmp_path / "without", "without"))
    assert (list(model.scorers), model.judges) == ([policy.snapshot.artefact], {})


async def test_a_bad_model_changes_nothing_and_says_so_once(tmp_path: Path) -> None:
    policy, model = in_force(write_variant(tmp_path / "one", "one"))
    before, scorers, judges = policy.snapshot, dict(model.scorers), dict(model.judges)
    broken = write_variant(tmp_path / "two", "two")
    (broken / "references.json").write_bytes(b"[]")
    assert not await model.offer(broken)
    assert not await model.offer(broken)
    assert "references.json" in model.problem
    assert not await model.offer(write_variant(tmp_path / "three", "three", without="gpt-4-1106-preview"))
    assert "gpt-4-1106-preview" in model.problem
    assert (policy.snapshot, model.scorers, model.judges) == (before, scorers, judges)
    assert (model.reloads.accepted, model.reloads.refused) == (0, 2)
    write_variant(broken, "two")
    assert await model.offer(broken)
    assert model.problem == ""


async def test_a_model_whose_scorer_cannot_be_made_is_refused_like_any_bad_one(tmp_path: Path) -> None:
    def make(artefact: Artefact) -> FoldedScorer:
        if artefact.manifest.version == "two":
            raise CannotStart("The encoder cannot be used: no GPU")
        return make_scorer(artefact)

    policy, good = in_force(write_variant(tmp_path / "one", "one"))
    model = ArtefactInForce(good.artefact, policy, compiler=compiler, make_scorer=make, make_judges=make_judges)
    before = policy.snapshot
    assert not await model.offer(write_variant(tmp_path / "two", "two"))
    assert (policy.snapshot, model.problem) == (before, "The encoder cannot be used: no GPU")
    assert await model.offer(write_variant(tmp_path / "three", "three"))


async def test_an_edit_of_the_policy_after_the_swap_is_compiled_against_the_new_model(tmp_path: Path) -> None:
    policy, model = in_force(write_variant(tmp_path / "one", "one"))
    await model.offer(write_variant(tmp_path / "two", "two", shift=0.5))
    swapped = policy.snapshot
    assert policy.offer(PolicySource("p.yaml", POLICY.replace("dial: 50", "dial: 60")))
    assert policy.snapshot.artefact == swapped.artefact
    assert policy.snapshot.id != swapped.id


async def test_under_load_no_request_fails_and_none_gets_one_models_score_and_anothers_abilities(
    tmp_path: Path,
) -> None:
    folders = [write_variant(tmp_path / name, name, shift=shift) for name, shift in (("one", 0.0), ("two", 0.5))]
    policy, model = in_force(folders[0])
    gateway = Gateway(POLICY.replace("gpt-4-1106-preview", "gpt-4o"))
    gateway.pipeline = Pipeline(replace(gateway.world, policy=policy, scorers=model.scorers))
    versions = {load_artefact(folder).catalogue.digest: f"difficulty-{folder.name}" for folder in folders}
    by_snapshot = {policy.snapshot.id: versions[policy.snapshot.artefact]}
    intercept = policy.snapshot.tiers[next(iter(policy.snapshot.tiers))].ability.intercept

    async def ask() -> None:
        for _ in range(REQUESTS_A_SWAP):
            client = gateway.client(CHAT)
            await gateway.pipeline(Operation.CHAT, client.inbound, client.responder)

    for turn in range(1, 7):
        taken, *_ = await asyncio.gather(model.offer(folders[turn % 2]), *[ask() for _ in range(8)])
        assert taken
        by_snapshot[policy.snapshot.id] = versions[policy.snapshot.artefact]
    await ask()
    receipts = gateway.kept.receipts
    assert len(receipts) > 50
    assert {receipt.outcome for receipt in receipts} == {Outcome.SUCCESS_UPSTREAM}
    assert {receipt.snapshot for receipt in receipts} == by_snapshot.keys()
    for receipt in receipts:
        assert receipt.decision is not None
        scorer = receipt.decision.score.scorer
        assert scorer == by_snapshot[receipt.snapshot]
        moved = receipt.decision.views[0].ability.intercept - intercept
        assert abs(moved - (0.5 if scorer == "difficulty-two" else 0.0)) < 1e-6
    assert gateway.faults == []
