"""The System One API as a scorer asks it, and what is taken for an answer."""

import json
from typing import Any

import httpx
import pytest

from gateway.adapters.remote_trouble import BadAnswer, Overloaded, RemoteTrouble, Unreachable
from gateway.adapters.systemone_http import LEVELS, QUESTION, SystemOneServer, read_share
from gateway.domain.remote_model import SystemOneModel
from gateway.domain.tier import Secret
from tests.support.fake_transport import FakeTransport
from tests.support.scripts import Unreachable as Nobody
from tests.support.systemone import decider, refusal

MODEL = SystemOneModel("http://decider:8000/v1", "decider", 1.0, 0.0, Secret("k"))


def answer(**changes: Any) -> bytes:
    """Write an answer."""
    return json.dumps({"model": "m", "answers": {QUESTION: {"type": "score", "score": 1.0, **changes}}}).encode()


async def test_one_score_question_is_asked_below_the_base_url() -> None:
    network = FakeTransport(decider("k"))
    assert await SystemOneServer(MODEL, network).share_of("x" * 25) == 0.25
    (asked,) = network.requests
    assert (asked.method, asked.path, asked.header(b"authorization")) == ("POST", "/v1/systemone", b"Bearer k")
    question = asked.json["questions"].pop(QUESTION)
    assert (question["type"], question["criteria"]) == ("score", list(LEVELS))
    assert question["instructions"]
    assert asked.json["questions"] == {QUESTION: question}
    assert (asked.json["model"], asked.json["state"]) == ("decider", "x" * 25)


async def test_without_a_key_none_is_sent() -> None:
    network = FakeTransport(decider())
    await SystemOneServer(SystemOneModel(MODEL.base_url, "decider", 1.0, 0.0), network).share_of("x")
    assert network.requests[0].header(b"authorization") is None


@pytest.mark.parametrize(("score", "share"), [(0, 0.0), (1, 0.25), (4, 1.0), (4.0000001, 1.0), (-1e-9, 0.0)])
def test_the_score_is_a_place_between_the_first_level_and_the_last(score: float, share: float) -> None:
    assert read_share(answer(score=score)) == share


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b'{"answers": {}}',
        b'{"answers": {"difficulty": {"type": "noul", "noul": 0.5}}}',
        answer(score="1"),
        answer(score=4.1),
        answer(score=-0.1),
        answer(score=1e308),
    ],
)
def test_what_is_no_place_on_the_scale_is_found_out(body: bytes) -> None:
    with pytest.raises(BadAnswer):
        read_share(body)


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        (refusal(503, "loading"), Overloaded),
        (refusal(500, "broken"), BadAnswer),
        (Nobody(httpx.ConnectError), Unreachable),
    ],
)
async def test_what_may_pass_by_itself_is_no_misfit(script: Any, kind: type[RemoteTrouble]) -> None:
    server = SystemOneServer(MODEL, FakeTransport(lambda _: script))
    with pytest.raises(kind):
        await server.look(1.0)
