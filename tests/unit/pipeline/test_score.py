"""When the difficulty model is asked, and that its silence is an answer."""

from gateway.domain.ability import Score, unknown_score
from gateway.domain.request import CanonicalRequest
from tests.support.gateways import CHAT, Gateway


async def test_an_alias_of_a_tier_is_not_scored() -> None:
    gateway = Gateway()
    client = await gateway.ask({**CHAT, "model": "large"})
    assert client.responder.headers[b"x-tiergate-tier"] == b"large"
    assert gateway.scorer.asked == 0
    assert gateway.receipt.decision is not None
    assert gateway.receipt.decision.reason == "pinned_by_alias"


async def test_a_difficulty_model_that_cannot_tell_leaves_the_choice_to_what_is_known_of_the_tiers() -> None:
    class Unsure:
        async def score(self, request: CanonicalRequest) -> Score:
            return unknown_score("unsure")

    gateway = Gateway(scorer=Unsure())
    client = await gateway.ask(CHAT)
    assert client.responder.status == 200
    assert gateway.receipt.decision is not None
    assert not gateway.receipt.decision.score.is_known
    assert [view.p for view in gateway.receipt.decision.views] == [0.55, 0.80]
