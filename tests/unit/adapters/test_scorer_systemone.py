"""A decision model of another server as a stage: what its answer becomes, and what is left where there is none."""

from dataclasses import replace

import pytest

from gateway.adapters.remote_asking import RemoteAsking, RemoteLimits
from gateway.adapters.scorer_chain import ScorerChain, WaitingStage
from gateway.adapters.scorer_systemone import SystemOneScorer
from gateway.adapters.systemone_http import SystemOneServer
from gateway.core.difficulty import failing_share
from gateway.core.difficulty_curve import curve_of, position_at, rescaled
from gateway.core.folded import TURN_DISCOUNT
from gateway.core.request_text import RequestText
from gateway.domain.ability import ClassifierOutcome, Score
from gateway.domain.calibration import CalibrationRequest
from gateway.domain.outcome import Outcome
from gateway.domain.remote_model import SystemOneModel
from gateway.ports import UpstreamTransport
from tests.support.behaviours import always
from tests.support.clocks import ManualClock
from tests.support.fake_transport import FakeTransport
from tests.support.gateways import CHAT, TWO_TIERS, FixedScorer, Gateway
from tests.support.systemone import GatewayTransport, decider, refusal
from tests.unit.policy.worlds import CATALOGUE

DECIDER = SystemOneModel("http://decider:8000/v1", "decider", 1.0, 0.0)
FORMER = Score((9.0, 9.0), 0.5, "static-1", ClassifierOutcome.STATIC, (0.1, 0.1))
REFERENCES = tuple(CATALOGUE.references.values())
CURVE = curve_of(REFERENCES, [CalibrationRequest(Score((-at / 10, -at / 20), 1.0, ""), 10) for at in range(-30, 30)])
BY_SYSTEMONE = TWO_TIERS.replace("{dial: 1000000,", "{dial: 1000000, scorer: systemone,") + (
    "classifier: {systemone: {url: http://gateway:8080/v1, model: tiergate/auto, scale: {slope: 1, offset: 0}}}\n"
)
TEXT = RequestText("How do whales breathe, and why do they not drown when asleep?")


def stage(network: UpstreamTransport, named: SystemOneModel = DECIDER) -> WaitingStage:
    """Make the stage over a network, with a server that was looked at."""
    server = SystemOneServer(named, network)
    asking = RemoteAsking(
        named.base_url,
        server.look,
        clock=ManualClock(),
        chance=lambda: 0.0,
        note=lambda text: None,
        limits=RemoteLimits(deadline_s=30.0),
        served=True,
    )
    return SystemOneScorer(server, asking, named, CURVE)


async def test_the_answer_is_a_position_with_that_share() -> None:
    score = await stage(FakeTransport(decider())).refine(TEXT, FORMER)
    told = len(TEXT.turn) / 100
    assert score.latent == position_at(CURVE, told)
    assert failing_share(REFERENCES, score) == pytest.approx(told, abs=0.01)
    assert (score.outcome, score.scorer, score.spread) == (ClassifierOutcome.SYSTEMONE, "systemone-decider", ())


async def test_an_answer_on_another_scale_is_brought_to_ours() -> None:
    scaled = replace(DECIDER, slope=0.5, offset=-0.8)
    score = await stage(FakeTransport(decider()), scaled).refine(TEXT, FORMER)
    assert score.latent == position_at(CURVE, rescaled(len(TEXT.turn) / 100, 0.5, -0.8))


@pytest.mark.parametrize(("turns", "familiarity"), [(1, 1.0), (3, TURN_DISCOUNT**2)])
async def test_it_is_believed_whatever_the_stage_before_knew(turns: int, familiarity: float) -> None:
    text = RequestText(TEXT.turn, turns=turns)
    score = await stage(FakeTransport(decider())).refine(text, replace(FORMER, familiarity=0.0))
    assert score.familiarity == pytest.approx(familiarity)


async def test_no_text_is_not_asked_about() -> None:
    network = FakeTransport(decider())
    assert await stage(network).refine(RequestText(" "), FORMER) is FORMER
    assert network.requests == []


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(429, ClassifierOutcome.OVERLOAD), (504, ClassifierOutcome.TIMEOUT), (501, ClassifierOutcome.ERROR)],
)
async def test_what_goes_wrong_leaves_the_former_score(status: int, outcome: ClassifierOutcome) -> None:
    score = await stage(FakeTransport(always(refusal(status, "no")))).refine(TEXT, FORMER)
    assert score == replace(FORMER, outcome=outcome)


class Folded:
    """Knows nothing of any text."""

    def score_of(self, text: RequestText) -> Score:
        return Score((0.0, 0.0), 0.1, "folded")


@pytest.mark.parametrize("latent", [(2.5, 0.5), (0.3, 0.1), (-1.5, -1.0)])
async def test_a_gateway_can_be_the_decision_model_of_another(latent: tuple[float, float]) -> None:
    found = Score(latent, 1.0, "fixed", ClassifierOutcome.STATIC)
    answering = Gateway(scorer=FixedScorer(found))
    other = replace(DECIDER, base_url="http://gateway:8080/v1", model="tiergate/auto")
    chain = ScorerChain(Folded(), systemone=stage(GatewayTransport(answering), other))
    asking = Gateway(BY_SYSTEMONE, scorer=chain)
    await asking.ask(CHAT)
    decision = asking.receipt.decision
    assert decision is not None
    assert (asking.receipt.classifier, answering.receipt.outcome) == (
        ClassifierOutcome.SYSTEMONE,
        Outcome.SUCCESS_SCORED,
    )
    assert failing_share(REFERENCES, decision.score) == pytest.approx(failing_share(REFERENCES, found), abs=0.01)
