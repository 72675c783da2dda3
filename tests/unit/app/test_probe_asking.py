"""One probe, one server: the answer, or what went wrong in plain words."""

from dataclasses import replace

import pytest

from gateway.app.probe_asking import Fault, Manners, NotAnswered, Reply, ask
from gateway.domain.tier import Secret, Tier
from gateway.domain.usage import TokenUsage
from tests.support.behaviours import FIXED, always, breaks_before, fails, json_reply, stalls_before
from tests.support.clocks import ManualClock
from tests.support.fake_transport import FakeTransport
from tests.support.openai_bodies import Words, chat_answer, dump, error_body
from tests.support.scripts import Behaviour, End, Unreachable
from tests.support.tiers import a_tier


async def asked(
    behaviour: Behaviour, *, tier: Tier | None = None, manners: Manners | None = None
) -> tuple[Reply, FakeTransport]:
    transport, chosen = FakeTransport(behaviour), tier or a_tier("small")
    reply = await ask(
        chosen,
        chosen.endpoints[0],
        "What is 2 + 2?",
        64,
        manners=manners or Manners(),
        transports={"lean": transport},
        clock=ManualClock(),
    )
    return reply, transport


async def fault(behaviour: Behaviour, tier: Tier | None = None) -> NotAnswered:
    with pytest.raises(NotAnswered) as failed:
        await asked(behaviour, tier=tier)
    return failed.value


async def test_an_answer_comes_with_its_tokens_and_how_it_ended() -> None:
    said = Words(pieces=("Answer:", " 4"), input_tokens=9, finish_reason="length")
    reply, transport = await asked(always(json_reply(200, chat_answer(said))))
    assert reply.text == "Answer: 4"
    assert (reply.usage.input_tokens, reply.usage.output_tokens, reply.is_cut) == (9, 2, True)
    (request,) = transport.requests
    assert request.path == "/v1/chat/completions"
    assert request.json == {
        "model": "small-model",
        "messages": [{"role": "user", "content": "What is 2 + 2?"}],
        "max_tokens": 64,
        "temperature": 0,
    }
    assert request.header(b"authorization") is None


async def test_the_endpoints_key_is_sent() -> None:
    tier = a_tier("small")
    keyed = replace(tier, endpoints=(replace(tier.endpoints[0], api_key=Secret("sk-1")),))
    _, transport = await asked(FIXED["ok"], tier=keyed)
    assert transport.requests[0].header(b"authorization") == b"Bearer sk-1"


async def test_an_answer_without_words_or_usage_is_an_empty_one() -> None:
    body = dump({"choices": [{"message": {"role": "assistant", "content": None}, "finish_reason": "length"}]})
    reply, _ = await asked(always(json_reply(200, body)))
    assert reply == Reply("", TokenUsage(4, 0), is_cut=True)


@pytest.mark.parametrize(
    ("behaviour", "kind", "said"),
    [
        (always(Unreachable()), Fault.DOWN, "no connection"),
        (breaks_before(End.RESET), Fault.DOWN, "reset"),
        (fails(401), Fault.REFUSED, "answered 401: scripted 401"),
        (fails(403), Fault.REFUSED, "answered 403"),
        (fails(404), Fault.UNKNOWN_MODEL, "answered 404: scripted 404"),
        (
            always(json_reply(400, error_body("The model `x` does not exist", "invalid_request_error", None))),
            Fault.UNKNOWN_MODEL,
            "does not exist",
        ),
        (fails(400), Fault.REJECTED, "answered 400"),
        (fails(500), Fault.BROKEN, "answered 500"),
        (FIXED["html"], Fault.BROKEN, "answered 502"),
        (FIXED["html-in-200"], Fault.BROKEN, "no chat completion"),
        (FIXED["not-an-answer"], Fault.BROKEN, "no chat completion"),
        (FIXED["error-in-200"], Fault.BROKEN, "scripted failure in a 200"),
        (always(json_reply(200, dump({"choices": [{"text": "old"}]}))), Fault.BROKEN, "no chat completion"),
        (always(json_reply(200, b"x" * (9 * 1024 * 1024))), Fault.BROKEN, "an answer of more than"),
    ],
)
async def test_what_goes_wrong_is_named(behaviour: Behaviour, kind: Fault, said: str) -> None:
    failed = await fault(behaviour)
    assert failed.fault is kind
    assert said in str(failed)


async def test_a_busy_server_says_how_long_to_wait() -> None:
    failed = await fault(fails(429, retry_after="7"))
    assert (failed.fault, failed.wait_s) == (Fault.BUSY, 7.0)
    assert (await fault(fails(503))).wait_s is None


async def test_a_server_that_never_answers_is_left_after_the_tiers_limit() -> None:
    tier = a_tier("small")
    hasty = replace(tier, limits=replace(tier.limits, answer_s=0.01))
    failed = await fault(stalls_before(), tier=hasty)
    assert failed.fault is Fault.SLOW
    assert "limits.answer" in str(failed)


async def test_manners_are_learnt_from_what_is_rejected() -> None:
    manners = Manners()
    assert manners.learn("Unsupported parameter: use 'max_completion_tokens' instead of 'max_tokens'")
    assert manners.learn("'temperature' does not support 0 with this model")
    assert not manners.learn("'temperature', 'max_completion_tokens': no")
    assert not Manners().learn("something else")
    _, transport = await asked(FIXED["ok"], manners=manners)
    assert transport.requests[0].json.keys() == {"model", "messages", "max_completion_tokens"}
