"""Whoever asks whatever in whatever order: no answer crosses tenants or scopes, or is given below its threshold."""

import asyncio
import json
from dataclasses import dataclass
from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.semantic import SemanticEnd
from tests.support.behaviours import json_reply
from tests.support.gateways import TEAM_KEY, TWO_TIERS, Gateway, answer_of
from tests.support.scripts import Reply, SeenRequest
from tests.support.semantic import Semantic

OTHER_KEY = b"sk-batch"
POLICY = TWO_TIERS.replace("cache: {exact: 1h,", "cache: {exact: 1h, semantic: {shadow: 20%},") + (
    "tenants:\n  team: {keys: [env:SEARCH_KEY]}\n  other: {keys: [env:BATCH_KEY]}\n"
)
QUESTIONS = tuple(f"Which city is the {name} of France?" for name in ("capital", "seat", "port", "pride"))
SYSTEMS = ("Be brief.", "Be kind.")


@dataclass(frozen=True, slots=True)
class Ask:
    """Who asks what, and under which system prompt."""

    key: bytes
    system: str
    question: str


ASKS = st.builds(Ask, st.sampled_from((TEAM_KEY, OTHER_KEY)), st.sampled_from(SYSTEMS), st.sampled_from(QUESTIONS))
PAIRS = tuple(combinations(QUESTIONS, 2))
PROBABILITIES = st.lists(st.sampled_from((0.1, 0.6, 0.899, 0.9, 1.0)), min_size=len(PAIRS), max_size=len(PAIRS))


class Numbered:
    """A model server whose answers say which call they came of."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, request: SeenRequest) -> Reply:
        self.calls += 1
        message = {"role": "assistant", "content": f"Answer {self.calls}."}
        body = {
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 10, "completion_tokens": 3},
        }
        return json_reply(200, json.dumps(body).encode())


async def play(asks: list[Ask], probabilities: list[float]) -> None:
    semantic, server = Semantic(), Numbered()
    told = {frozenset(pair): probability for pair, probability in zip(PAIRS, probabilities, strict=True)}
    semantic.verifier.probability |= told
    gateway = Gateway(POLICY, semantic=semantic.parts, clock=semantic.clock)
    gateway.network.plan.general = server
    first: dict[int, Ask] = {}
    for ask in asks:
        messages = [{"role": "system", "content": ask.system}, {"role": "user", "content": ask.question}]
        client = await gateway.ask({"model": "auto", "messages": messages}, key=ask.key)
        number = int(answer_of(client)["choices"][0]["message"]["content"].strip("Answer ."))
        origin = first.setdefault(number, ask)
        assert (origin.key, origin.system) == (ask.key, ask.system)
        finding = gateway.receipt.semantic
        if gateway.receipt.cache == "semantic":
            assert finding is not None
            assert finding.end is SemanticEnd.HIT
            assert finding.probability is not None
            assert finding.threshold is not None
            assert told[frozenset((origin.question, ask.question))] == finding.probability >= finding.threshold
        else:
            assert origin.question == ask.question
    assert gateway.faults == []


@settings(max_examples=60, deadline=None)
@given(st.lists(ASKS, max_size=14), PROBABILITIES)
def test_no_answer_crosses_tenants_or_scopes_and_none_is_given_below_its_threshold(
    asks: list[Ask], probabilities: list[float]
) -> None:
    asyncio.run(play(asks, probabilities))
