"""The journey of a request, from its arrival to its receipt, over a network in memory."""

import asyncio
import json

import pytest

from gateway.domain.errors import ErrorCode
from gateway.domain.outcome import Outcome
from gateway.domain.request import CanonicalRequest, Operation
from gateway.domain.usage import TokenUsage, UsageSource
from tests.support.behaviours import always, breaks_after, json_reply, speaks
from tests.support.gateways import (
    CHAT,
    CLOSED,
    GUEST_KEY,
    TEAM_KEY,
    TWO_TIERS,
    Gateway,
    answer_of,
    error_of,
    events_of,
    held_until,
    text_of,
)
from tests.support.scripts import End
from tests.support.waiting import eventually

STREAM = {**CHAT, "stream": True}


async def test_an_answer_goes_back_byte_for_byte_with_its_headers() -> None:
    gateway = Gateway()
    client = await gateway.ask(CHAT)
    assert client.responder.status == 200
    assert answer_of(client)["choices"][0]["message"]["content"] == "Paris is the capital."
    headers = client.responder.headers
    assert headers[b"content-length"] == b"%d" % len(client.responder.body)
    assert headers[b"x-tiergate-tier"] == b"small"
    assert headers[b"x-tiergate-model"] == b"answer"
    assert headers[b"x-tiergate-cache"] == b"miss"
    assert headers[b"x-tiergate-attempts"] == b"1"
    assert headers[b"x-tiergate-request-id"] == b"req_1"
    assert headers[b"x-tiergate-snapshot"] == gateway.policy.snapshot.id.encode()


async def test_the_request_goes_on_with_only_the_models_name_changed() -> None:
    gateway = Gateway()
    body = json.dumps({**CHAT, "guided_choice": ["a", "b"], "min_p": 0.1}, indent=1).encode()
    await gateway.ask(body)
    assert gateway.network.requests[0].body == body.replace(b'"auto"', b'"answer"')


async def test_a_client_key_never_reaches_a_model_server() -> None:
    gateway = Gateway(TWO_TIERS + CLOSED)
    await gateway.ask(CHAT, key=TEAM_KEY, headers=((b"cookie", b"secret=1"), (b"x-api-key", b"sk-search")))
    sent = dict(gateway.network.requests[0].headers)
    assert not {b"authorization", b"cookie", b"x-api-key"} & sent.keys()
    assert sent[b"accept-encoding"] == b"identity"


async def test_the_charge_is_the_served_tiers_price_of_the_reported_usage() -> None:
    gateway = Gateway()
    client = await gateway.ask(CHAT)
    usage = answer_of(client)["usage"]
    charge = usage["prompt_tokens"] * 1_000 + usage["completion_tokens"] * 2_000
    receipt = gateway.receipt
    assert receipt.charge_usd_nano == charge
    assert receipt.baseline_usd_nano == 10 * charge
    assert receipt.usage == TokenUsage(usage["prompt_tokens"], usage["completion_tokens"])
    assert client.responder.headers[b"x-tiergate-cost-usd"] == f"{charge / 1e9:.9f}".rstrip("0").encode()


async def test_usage_that_a_server_does_not_report_is_estimated_and_said_to_be() -> None:
    gateway = Gateway()
    body = b'{"choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}]}'
    gateway.network.plan.general = always(json_reply(200, body))
    await gateway.ask(CHAT)
    assert gateway.receipt.usage.source is UsageSource.ESTIMATED
    assert gateway.receipt.charge_usd_nano > 0


async def test_a_stream_is_relayed_event_by_event_and_ends_once() -> None:
    gateway = Gateway()
    client = await gateway.ask(STREAM)
    assert text_of(client) == "Paris is the capital."
    events = events_of(client)
    assert events.count(b"[DONE]") == 1
    assert events[-1] == b"[DONE]"
    assert b"x-tiergate-cost-usd" not in client.responder.headers


async def test_usage_is_always_asked_for_and_shown_only_to_who_asked() -> None:
    gateway = Gateway()
    client = await gateway.ask(STREAM)
    assert json.loads(gateway.network.requests[0].body)["stream_options"] == {"include_usage": True}
    assert not any(b'"usage"' in event for event in events_of(client))
    assert gateway.receipt.usage.source is UsageSource.REPORTED
    asked = {**STREAM, "stream_options": {"include_usage": True}, "seed": 1}
    client = await gateway.ask(asked)
    assert json.loads(events_of(client)[-2])["usage"]["completion_tokens"] == gateway.receipt.usage.output_tokens


async def test_chunks_are_counted_where_a_stream_reports_no_usage() -> None:
    gateway = Gateway()
    gateway.network.plan.general = speaks(usage=False)
    await gateway.ask(STREAM)
    assert gateway.receipt.usage.source is UsageSource.COUNTED
    assert gateway.receipt.usage.output_tokens == 5


async def test_a_finish_reason_ends_a_stream_without_done() -> None:
    gateway = Gateway()
    gateway.network.plan.general = speaks(done=False)
    client = await gateway.ask(STREAM)
    assert events_of(client)[-1] == b"[DONE]"
    assert gateway.receipt.outcome is Outcome.SUCCESS_UPSTREAM


async def test_a_repeated_request_is_answered_from_the_cache_whole_or_streamed() -> None:
    gateway = Gateway()
    first = await gateway.ask(CHAT)
    again = await gateway.ask(CHAT)
    streamed = await gateway.ask(STREAM)
    assert len(gateway.network.requests) == 1
    assert again.responder.body == first.responder.body
    assert again.responder.headers[b"x-tiergate-cache"] == b"exact"
    assert again.responder.headers[b"x-tiergate-cost-usd"] == b"0.00"
    assert text_of(streamed) == "Paris is the capital."
    assert events_of(streamed)[-1] == b"[DONE]"
    assert gateway.receipt.outcome is Outcome.SUCCESS_CACHE_EXACT
    assert gateway.receipt.charge_usd_nano == 0
    assert gateway.receipt.baseline_usd_nano > 0


async def test_a_streamed_answer_is_kept_for_whoever_asks_whole() -> None:
    gateway = Gateway()
    await gateway.ask(STREAM)
    whole = await gateway.ask(CHAT)
    assert len(gateway.network.requests) == 1
    assert answer_of(whole)["choices"][0]["message"]["content"] == "Paris is the capital."


async def test_a_client_may_refuse_kept_answers() -> None:
    gateway = Gateway()
    await gateway.ask(CHAT)
    client = await gateway.ask(CHAT, headers=((b"cache-control", b"no-cache"),))
    assert client.responder.headers[b"x-tiergate-cache"] == b"bypass"
    assert len(gateway.network.requests) == 2
    gateway.clock.advance(60)
    client = await gateway.ask(CHAT, headers=((b"cache-control", b"max-age=30"),))
    assert client.responder.headers[b"x-tiergate-cache"] == b"miss"


async def test_tenants_never_share_an_answer() -> None:
    gateway = Gateway(TWO_TIERS + CLOSED)
    await gateway.ask(CHAT, key=TEAM_KEY)
    client = await gateway.ask(CHAT, key=GUEST_KEY)
    assert client.responder.headers[b"x-tiergate-cache"] == b"miss"
    assert len(gateway.network.requests) == 2


async def test_a_cut_stream_is_not_kept() -> None:
    gateway = Gateway()
    gateway.network.plan.queue(breaks_after(2, End.CLOSE))
    await gateway.ask(STREAM)
    await gateway.ask(STREAM)
    assert len(gateway.network.requests) == 2


@pytest.mark.parametrize(("key", "code"), [(None, ErrorCode.MISSING_API_KEY), (b"sk-wrong", ErrorCode.INVALID_API_KEY)])
async def test_a_bad_key_costs_no_body(key: bytes | None, code: ErrorCode) -> None:
    gateway = Gateway(TWO_TIERS + CLOSED)
    client = await gateway.ask(CHAT, key=key)
    assert client.responder.status == 401
    assert error_of(client)["code"] == code
    assert client.inbound.reads == 0
    assert gateway.receipt.outcome is Outcome.CLIENT_REJECTED


async def test_an_unknown_model_is_told_with_the_known_ones() -> None:
    client = await Gateway().ask({**CHAT, "model": "gpt-9"})
    assert client.responder.status == 404
    assert error_of(client)["code"] == "model_not_found"
    assert "auto, small, large" in error_of(client)["message"]


async def test_a_model_that_the_key_may_not_use_looks_unknown() -> None:
    client = await Gateway(TWO_TIERS + CLOSED).ask({**CHAT, "model": "large"}, key=GUEST_KEY)
    assert client.responder.status == 404
    assert "large" not in error_of(client)["message"].split("Known:")[1]


async def test_an_alias_of_a_tier_is_not_scored() -> None:
    gateway = Gateway()
    client = await gateway.ask({**CHAT, "model": "large"})
    assert client.responder.headers[b"x-tiergate-tier"] == b"large"
    assert gateway.scorer.asked == 0
    assert gateway.receipt.decision is not None
    assert gateway.receipt.decision.reason == "pinned_by_alias"


async def test_a_caller_may_name_a_tier_only_where_the_key_allows_it() -> None:
    gateway = Gateway(TWO_TIERS + CLOSED)
    pin = ((b"x-tiergate-tier", b"large"),)
    allowed = await gateway.ask(CHAT, key=TEAM_KEY, headers=pin)
    assert allowed.responder.headers[b"x-tiergate-tier"] == b"large"
    refused = await gateway.ask(CHAT, key=GUEST_KEY, headers=pin)
    assert refused.responder.status == 403
    unknown = await gateway.ask(CHAT, key=TEAM_KEY, headers=((b"x-tiergate-tier", b"huge"),))
    assert unknown.responder.status == 400
    assert "small, large" in error_of(unknown)["message"]


async def test_a_key_limited_to_a_tier_is_not_sent_elsewhere() -> None:
    gateway = Gateway(TWO_TIERS.replace("dial: 1000000", "dial: 0") + CLOSED)
    client = await gateway.ask(CHAT, key=GUEST_KEY)
    assert client.responder.headers[b"x-tiergate-tier"] == b"small"


async def test_what_a_tier_does_not_support_goes_to_one_that_does() -> None:
    gateway = Gateway()
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    client = await gateway.ask({"model": "auto", "messages": [{"role": "user", "content": [image]}]})
    assert client.responder.headers[b"x-tiergate-tier"] == b"large"
    assert gateway.receipt.decision is not None
    assert gateway.receipt.decision.reason == "only_able"


async def test_an_embedding_goes_to_the_tier_its_alias_names_and_is_never_routed() -> None:
    gateway = Gateway()
    body = {"model": "small", "input": "some text"}
    client = await gateway.ask(body, operation=Operation.EMBEDDINGS)
    assert answer_of(client)["data"][0]["embedding"] == [0.25, -0.5, 0.125]
    assert gateway.network.requests[0].path == "/v1/embeddings"
    routed = await gateway.ask({**body, "model": "auto"}, operation=Operation.EMBEDDINGS)
    assert routed.responder.status == 400
    assert "small, large" in error_of(routed)["message"]


async def test_completions_are_served_too() -> None:
    gateway = Gateway()
    client = await gateway.ask({"model": "auto", "prompt": "Once"}, operation=Operation.COMPLETIONS)
    assert answer_of(client)["object"] == "text_completion"


async def test_a_reload_does_not_change_a_request_under_way() -> None:
    gateway, released = Gateway(), asyncio.Event()
    before = gateway.policy.snapshot
    gateway.network.plan.queue(held_until(released))
    under_way = asyncio.create_task(gateway.ask(CHAT))
    await eventually(lambda: gateway.network.requests)
    gateway.policy.snapshot = Gateway(TWO_TIERS.replace("input: 1,", "input: 5,")).policy.snapshot
    released.set()
    client = await under_way
    assert client.responder.headers[b"x-tiergate-snapshot"] == before.id.encode()
    assert gateway.receipt.charge_usd_nano == gateway.receipt.usage.input_tokens * 1_000 + 5 * 2_000
    client = await gateway.ask({**CHAT, "seed": 2})
    assert client.responder.headers[b"x-tiergate-snapshot"] != before.id.encode()


async def test_a_fault_of_ours_is_reported_in_full_and_told_in_general() -> None:
    class Broken:
        async def score(self, request: CanonicalRequest) -> object:
            raise ZeroDivisionError("the secret detail")

    gateway = Gateway(scorer=Broken())  # type: ignore[arg-type]
    client = await gateway.ask(CHAT)
    assert client.responder.status == 500
    assert "secret" not in error_of(client)["message"]
    assert "req_1" in error_of(client)["message"]
    assert [type(fault) for fault in gateway.faults] == [ZeroDivisionError]
    assert gateway.receipt.outcome is Outcome.INTERNAL


async def test_the_receipt_tells_the_stages_and_the_wait() -> None:
    gateway = Gateway()
    await gateway.ask(CHAT)
    times = gateway.receipt.times
    assert None not in (times.admit_ms, times.canonicalise_ms, times.lookup_ms, times.score_ms, times.decide_ms)
    assert gateway.receipt.tenant is not None
    found = await gateway.world.receipts.get(gateway.receipt.tenant, gateway.receipt.request_id)
    assert found == gateway.receipt
