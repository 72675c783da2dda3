"""Models, health, metrics, receipts and the policy in force, over ASGI without a socket."""

import json
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from gateway.app.cold_routes import cold_routes
from gateway.app.door import create_app
from gateway.app.policy_in_force import PolicyInForce
from gateway.domain.feedback import FeedbackOutcome
from gateway.pipeline.learn import Opinions
from gateway.policy.source import PolicySource
from tests.support.gateways import CHAT, GUEST_KEY, KEYED, TEAM_KEY, TWO_TIERS, Gateway
from tests.unit.policy.worlds import compile_text

ELSEWHERE = "192.0.2.7"


async def _up() -> str:
    return "up 1\n"


@dataclass(slots=True)
class Site:
    """A gateway in memory with its cold routes."""

    gateway: Gateway
    policy: PolicyInForce

    opinions: Opinions

    async def get(
        self, path: str, *, key: bytes | None = None, caller: str = "127.0.0.1", method: str = "GET"
    ) -> httpx.Response:
        """Ask for a path, from an address."""
        return await self._send(method, path, key, caller, {}, b"")

    async def rate(
        self, body: dict[str, Any] | bytes, *, key: bytes | None = TEAM_KEY, media_type: str = "application/json"
    ) -> httpx.Response:
        """Say something of an answer."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self._send("POST", "/v1/feedback", key, "127.0.0.1", {"content-type": media_type}, raw)

    async def _send(
        self, method: str, path: str, key: bytes | None, caller: str, headers: dict[str, str], body: bytes
    ) -> httpx.Response:
        routes = cold_routes(self.gateway.world, self.policy, _up, self.opinions)
        transport = httpx.ASGITransport(app=create_app(self.gateway.pipeline, routes), client=(caller, 50_000))
        authorization = {} if key is None else {"authorization": f"Bearer {key.decode()}"}
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
            return await client.request(method, path, headers={**headers, **authorization}, content=body)


def site(text: str = KEYED) -> Site:
    gateway = Gateway(text)

    def compile_source(source: PolicySource) -> Any:
        return compile_text(source.content, source.name)

    source = PolicySource("policies/p.yaml", text)
    in_force = PolicyInForce(gateway.policy.snapshot, source, compile_source, may_open=False)
    return Site(gateway, in_force, Opinions(gateway.world))


def code_of(response: httpx.Response) -> str:
    return str(response.json()["error"]["code"])


async def test_a_tenant_is_shown_the_models_it_may_name_in_the_policys_order() -> None:
    here = site()
    everything = await here.get("/v1/models", key=TEAM_KEY)
    assert [model["id"] for model in everything.json()["data"]] == ["auto", "small", "large"]
    limited = await here.get("/v1/models", key=GUEST_KEY)
    assert [model["id"] for model in limited.json()["data"]] == ["auto"]
    assert limited.headers["content-type"] == "application/json"


async def test_a_model_is_described_to_whom_it_is_listed_for() -> None:
    here = site()
    listed = (await here.get("/v1/models", key=TEAM_KEY)).json()["data"]
    assert [(await here.get(f"/v1/models/{model['id']}", key=TEAM_KEY)).json() for model in listed] == listed
    assert (await here.get("/v1/models/auto", key=GUEST_KEY)).status_code == 200
    for name, key in [("large", GUEST_KEY), ("huge", TEAM_KEY), ("", TEAM_KEY)]:
        refused = await here.get(f"/v1/models/{name}", key=key)
        assert (refused.status_code, code_of(refused)) == (404, "model_not_found")
        assert repr(name) in refused.json()["error"]["message"]


@pytest.mark.parametrize("path", ["/v1/models/acme/auto", "/v1/models/acme%2Fauto", "/v1/models/%61cme%2fauto"])
async def test_a_name_with_a_slash_may_be_escaped(path: str) -> None:
    here = site(KEYED.replace("  auto:", "  acme/auto: {route: balanced}\n  auto:", 1))
    found = await here.get(path, key=TEAM_KEY)
    assert (found.status_code, found.json().get("id")) == (200, "acme/auto")


@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/auto", "/v1/receipts/req_1"])
@pytest.mark.parametrize(("key", "code"), [(None, "missing_api_key"), (b"sk-wrong", "invalid_api_key")])
async def test_what_belongs_to_tenants_needs_a_key(path: str, key: bytes | None, code: str) -> None:
    response = await site().get(path, key=key)
    assert response.status_code == 401
    assert code_of(response) == code


async def test_an_open_gateway_asks_for_no_key() -> None:
    assert (await site(TWO_TIERS).get("/v1/models")).status_code == 200


async def test_a_receipt_is_shown_to_its_own_tenant_and_to_no_other() -> None:
    here = site()
    await here.gateway.ask(CHAT, key=TEAM_KEY)
    own = await here.get("/v1/receipts/req_1", key=TEAM_KEY)
    assert own.status_code == 200
    receipt = own.json()
    assert (receipt["object"], receipt["request_id"], receipt["tenant"]) == ("receipt", "req_1", "team")
    assert receipt["charge_usd_nano"] > 0
    others = await here.get("/v1/receipts/req_1", key=GUEST_KEY)
    assert others.status_code == 404
    assert code_of(others) == "not_found"


async def test_a_receipt_that_is_not_there_is_told_with_the_reasons() -> None:
    response = await site().get("/v1/receipts/" + "x" * 500, key=TEAM_KEY)
    assert response.status_code == 404
    assert "receipts.keep" in response.json()["error"]["message"]
    assert len(response.content) < 500


async def test_a_gateway_is_live_and_ready_until_it_shuts_down() -> None:
    here = site()
    assert (await here.get("/health/live")).json() == {"status": "live"}
    assert (await here.get("/health/ready")).json() == {"status": "ready"}
    here.gateway.world.admission.resign()
    assert (await here.get("/health/live")).status_code == 200
    leaving = await here.get("/health/ready")
    assert leaving.status_code == 503
    assert code_of(leaving) == "draining"


async def test_metrics_are_in_prometheus_text_format() -> None:
    response = await site().get("/metrics", caller=ELSEWHERE)
    assert response.headers["connection"] == "close", "another scrape may reach another worker"
    assert response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert response.text == "up 1\n"


@pytest.mark.parametrize("caller", ["127.0.0.1", "::1"])
async def test_the_policy_in_force_is_told_on_this_machine_with_what_was_wrong_with_the_last_edit(caller: str) -> None:
    here = site()
    here.policy.offer(PolicySource("policies/p.yaml", "version: 2\n"))
    told = (await here.get("/admin/policy", caller=caller)).json()
    assert told["snapshot"] == here.policy.snapshot.id
    assert told["source"] == "policies/p.yaml"
    assert told["reloads"] == {"accepted": 0, "refused": 1}
    assert told["problems"]
    assert told["problems"][0].startswith("policies/p.yaml:1:")


@pytest.mark.parametrize("key", [None, TEAM_KEY])
async def test_callers_from_elsewhere_find_no_policy_whatever_their_key(key: bytes | None) -> None:
    response = await site().get("/admin/policy", caller=ELSEWHERE, key=key)
    assert response.status_code == 404


@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/auto", "/metrics", "/health/ready", "/admin/policy"])
async def test_cold_routes_are_only_read(path: str) -> None:
    response = await site().get(path, key=TEAM_KEY, method="POST")
    assert response.status_code == 405
    assert code_of(response) == "method_not_allowed"


async def test_feedback_is_taken_once_and_told_in_the_receipt() -> None:
    here = site()
    await here.gateway.ask(CHAT, key=TEAM_KEY)
    said = await here.rate({"request_id": "req_1", "score": 0.25, "comment": "wrong river"})
    assert said.status_code == 200
    recorded = said.json()
    assert recorded.pop("recorded_at_s") == here.gateway.clock.wall_s()
    told = {"object": "feedback", "request_id": "req_1", "tier": "small", "score": 0.25, "comment": "wrong river"}
    assert recorded == {**told, "outcome": "accepted"}
    again = await here.rate({"request_id": "req_1", "score": 0.25})
    assert (again.status_code, again.json()["outcome"], again.json()["comment"]) == (200, "repeated", "wrong river")
    changed = await here.rate({"request_id": "req_1", "score": 1})
    assert (changed.json()["outcome"], changed.json()["score"]) == ("replaced", 1.0)
    receipt = (await here.get("/v1/receipts/req_1", key=TEAM_KEY)).json()
    assert receipt["feedback"]["score"] == 1.0
    assert here.opinions.counts == {
        FeedbackOutcome.ACCEPTED: 1,
        FeedbackOutcome.REPEATED: 1,
        FeedbackOutcome.REPLACED: 1,
    }


async def test_an_unrated_request_has_no_feedback() -> None:
    here = site()
    await here.gateway.ask(CHAT, key=TEAM_KEY)
    assert (await here.get("/v1/receipts/req_1", key=TEAM_KEY)).json()["feedback"] is None


async def test_feedback_on_anothers_request_is_told_like_that_on_no_request() -> None:
    here = site()
    await here.gateway.ask(CHAT, key=TEAM_KEY)
    anothers = await here.rate({"request_id": "req_1", "score": 0}, key=GUEST_KEY)
    nobodys = await here.rate({"request_id": "req_9", "score": 0}, key=GUEST_KEY)
    assert (anothers.status_code, nobodys.status_code) == (404, 404)
    assert anothers.json()["error"]["message"].replace("req_1", "req_9") == nobodys.json()["error"]["message"]
    assert here.opinions.counts == {FeedbackOutcome.UNKNOWN: 2}
    assert (await here.get("/v1/receipts/req_1", key=TEAM_KEY)).json()["feedback"] is None


async def test_feedback_on_what_no_tier_answered_is_refused_with_the_reason() -> None:
    here = site()
    await here.gateway.ask(CHAT, key=TEAM_KEY)
    await here.gateway.ask(CHAT, key=TEAM_KEY)
    hit = await here.rate({"request_id": "req_2", "score": 1})
    assert (hit.status_code, code_of(hit)) == (400, "invalid_value")
    assert "cache exact" in hit.json()["error"]["message"]
    assert here.opinions.counts == {FeedbackOutcome.UNANSWERED: 1}


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        (b"{", "malformed_body", None),
        (b"[]", "invalid_value", None),
        ({"score": 1}, "invalid_value", "request_id"),
        ({"request_id": "req_1"}, "invalid_value", "score"),
        ({"request_id": "req_1", "score": 1.01}, "invalid_value", "score"),
        ({"request_id": "req_1", "score": -0.01}, "invalid_value", "score"),
        ({"request_id": "req_1", "score": True}, "invalid_value", "score"),
        ({"request_id": "", "score": 1}, "invalid_value", "request_id"),
        ({"request_id": "x" * 129, "score": 1}, "invalid_value", "request_id"),
        ({"request_id": "req_1", "score": 1, "comment": "é" * 1_025}, "limit_exceeded", "comment"),
        (b'{"request_id": "req_1", "score": 1, "score": 0}', "duplicate_key", "score"),
        (b'{"request_id": "req_1", "score": 1, "more": ' + b"[" * 5_000 + b"]" * 5_000 + b"}", "too_deep", None),
        (b'{"request_id": "req_1", "score": 1, "comment": "\\ud800"}', "malformed_body", None),
        (b'{"request_id": "req_1", "score": 1, "comment": "\xff"}', "malformed_body", None),
    ],
)
async def test_unsound_feedback_is_refused_with_the_member_at_fault(
    body: dict[str, Any] | bytes, code: str, param: str | None
) -> None:
    here = site()
    response = await here.rate(body)
    assert response.status_code == 400
    assert (code_of(response), response.json()["error"]["param"]) == (code, param)
    assert here.opinions.counts == {FeedbackOutcome.INVALID: 1}


async def test_feedback_is_small_plain_json() -> None:
    here = site()
    large = await here.rate({"request_id": "req_1", "score": 1, "comment": "x" * 17_000})
    assert (large.status_code, code_of(large)) == (413, "body_too_large")
    assert "16384 bytes" in large.json()["error"]["message"]
    assert (await here.rate({"request_id": "req_1", "score": 1}, media_type="text/plain")).status_code == 415


@pytest.mark.parametrize(("key", "code"), [(None, "missing_api_key"), (b"sk-wrong", "invalid_api_key")])
async def test_feedback_needs_a_key(key: bytes | None, code: str) -> None:
    response = await site().rate({"request_id": "req_1", "score": 1}, key=key)
    assert (response.status_code, code_of(response)) == (401, code)
