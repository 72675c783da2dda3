"""Models, health, metrics, receipts and the policy in force, over ASGI without a socket."""

from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from gateway.app.cold_routes import cold_routes
from gateway.app.door import create_app
from gateway.app.policy_in_force import PolicyInForce
from gateway.policy.source import PolicySource
from tests.support.gateways import CHAT, GUEST_KEY, KEYED, TEAM_KEY, TWO_TIERS, Gateway
from tests.unit.policy.worlds import compile_text

ELSEWHERE = "192.0.2.7"


@dataclass(slots=True)
class Site:
    """A gateway in memory with its cold routes."""

    gateway: Gateway
    policy: PolicyInForce

    async def get(
        self, path: str, *, key: bytes | None = None, caller: str = "127.0.0.1", method: str = "GET"
    ) -> httpx.Response:
        """Ask for a path, from an address."""
        app = create_app(self.gateway.pipeline, cold_routes(self.gateway.world, self.policy, lambda: "up 1\n"))
        transport = httpx.ASGITransport(app=app, client=(caller, 50_000))
        headers = {} if key is None else {"authorization": f"Bearer {key.decode()}"}
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
            return await client.request(method, path, headers=headers)


def site(text: str = KEYED) -> Site:
    gateway = Gateway(text)

    def compile_source(source: PolicySource) -> Any:
        return compile_text(source.content, source.name)

    source = PolicySource("policies/p.yaml", text)
    return Site(gateway, PolicyInForce(gateway.policy.snapshot, source, compile_source, may_open=False))


def code_of(response: httpx.Response) -> str:
    return str(response.json()["error"]["code"])


async def test_a_tenant_is_shown_the_models_it_may_name_in_the_policys_order() -> None:
    here = site()
    everything = await here.get("/v1/models", key=TEAM_KEY)
    assert [model["id"] for model in everything.json()["data"]] == ["auto", "small", "large"]
    limited = await here.get("/v1/models", key=GUEST_KEY)
    assert [model["id"] for model in limited.json()["data"]] == ["auto"]
    assert limited.headers["content-type"] == "application/json"


@pytest.mark.parametrize("path", ["/v1/models", "/v1/receipts/req_1"])
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
    here.gateway.world.admission.drain()
    assert (await here.get("/health/live")).status_code == 200
    leaving = await here.get("/health/ready")
    assert leaving.status_code == 503
    assert code_of(leaving) == "draining"


async def test_metrics_are_in_prometheus_text_format() -> None:
    response = await site().get("/metrics", caller=ELSEWHERE)
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


@pytest.mark.parametrize("path", ["/v1/models", "/metrics", "/health/ready", "/admin/policy"])
async def test_cold_routes_are_only_read(path: str) -> None:
    response = await site().get(path, key=TEAM_KEY, method="POST")
    assert response.status_code == 405
    assert code_of(response) == "method_not_allowed"
