"""Reports, purges, figures and explanations over ASGI without a socket: who may ask what, and what is told."""

import json
from dataclasses import replace
from typing import Any

import httpx
import jsonschema_rs
import pytest

from gateway.adapters.cache_figures import CacheFigures
from gateway.adapters.memory_cache import MemoryCache
from gateway.app.cache_routes import cache_routes
from gateway.app.cold_routes import OPENAPI
from gateway.app.door import create_app
from gateway.domain.purge import ReportOutcome, Selection, Tally
from gateway.pipeline.report import CacheReports
from gateway.ports import StoreUnavailable
from tests.support.gateways import CHAT, GUEST_KEY, KEYED, TEAM_KEY, Gateway

SCHEMAS: dict[str, Any] = json.loads(OPENAPI.read_bytes())["components"]
ADMIN = ("/admin/cache/stats", "/admin/cache/purge", "/admin/cache/explain")


class Site:
    """A gateway in memory with the routes about its cache."""

    def __init__(self, policy: str = KEYED, unreached: int = 0) -> None:
        self.gateway = Gateway(policy)
        self.reports = CacheReports(self.gateway.world)
        self.unreached = unreached

    async def send(
        self,
        method: str,
        path: str,
        document: Any = None,
        *,
        key: bytes | None = None,
        caller: str = "127.0.0.1",
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        """Send a request, from an address."""
        world, figures = self.gateway.world, CacheFigures()
        for receipt in self.gateway.kept.receipts:
            figures.record(receipt)
        routes = cache_routes(world, self.reports, figures.documents, self.unreached)
        transport = httpx.ASGITransport(app=create_app(self.gateway.pipeline, routes), client=(caller, 50_000))
        authorization = {} if key is None else {"authorization": f"Bearer {key.decode()}"}
        given = {**authorization, **(headers or {})}
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
            if isinstance(document, bytes):
                media = {"content-type": "application/json", **given}
                return await client.request(method, path, content=document, headers=media)
            return await client.request(method, path, json=document, headers=given)

    async def kept(self, key: bytes = TEAM_KEY) -> str:
        """Have an answer kept, and return its name."""
        await self.gateway.ask(CHAT, key=key)
        entry = self.gateway.receipt.cache_entry
        assert entry is not None
        return entry

    async def is_kept(self, key: bytes = TEAM_KEY) -> bool:
        """Tell whether the answer would be given again."""
        client = await self.gateway.ask(CHAT, key=key, headers=((b"cache-control", b"only-if-cached"),))
        return client.responder.status == 200


def is_as_described(response: httpx.Response, schema: str) -> None:
    assert response.status_code == 200, response.text
    described = {"$ref": f"#/components/schemas/{schema}", "components": SCHEMAS}
    jsonschema_rs.Draft202012Validator(described).validate(response.json())


def code_of(response: httpx.Response) -> str:
    return str(response.json()["error"]["code"])


async def test_a_caller_reports_an_answer_of_its_own() -> None:
    site = Site()
    entry = await site.kept()
    for outcome in ("accepted", "repeated"):
        told = await site.send("POST", "/v1/cache/report", {"entry": entry, "reason": "wrong"}, key=TEAM_KEY)
        is_as_described(told, "CacheReport")
        assert told.json()["outcome"] == outcome
    assert not await site.is_kept()


async def test_a_report_is_refused_as_any_request_is() -> None:
    site = Site()
    entry = await site.kept()
    answers = [
        await site.send("POST", "/v1/cache/report", {"entry": entry}),
        await site.send("POST", "/v1/cache/report", {"entry": entry}, key=GUEST_KEY),
        await site.send("POST", "/v1/cache/report", {}, key=TEAM_KEY),
        await site.send("POST", "/v1/cache/report", b" " * 20_000, key=TEAM_KEY),
        await site.send("POST", "/v1/cache/report", b"{}", key=TEAM_KEY, headers={"content-type": "text/plain"}),
        await site.send("GET", "/v1/cache/report", key=TEAM_KEY),
    ]
    assert [answer.status_code for answer in answers] == [401, 404, 400, 413, 415, 405]
    assert site.reports.counts[ReportOutcome.INVALID] == 3
    assert await site.is_kept()


@pytest.mark.parametrize("path", ADMIN)
async def test_operators_ask_from_the_machine_itself(path: str) -> None:
    site, method = Site(), "GET" if path.endswith("stats") else "POST"
    for caller, headers in (
        ("192.0.2.7", {}),
        ("127.0.0.1", {"x-forwarded-for": "192.0.2.7"}),
        ("::1", {"forwarded": "for=192.0.2.7"}),
    ):
        answer = await site.send(method, path, {"tenant": "team"}, caller=caller, headers=headers)
        assert (answer.status_code, code_of(answer)) == (404, "not_found")


async def test_a_purge_is_counted_first_and_then_done() -> None:
    site = Site()
    await site.kept()
    await site.kept(GUEST_KEY)
    dry = await site.send("POST", "/admin/cache/purge", {"tenant": "team", "route": "balanced", "dry_run": True})
    is_as_described(dry, "CachePurge")
    assert dry.json()["by_route"] == {"balanced": 1}
    assert await site.is_kept()
    done = await site.send("POST", "/admin/cache/purge", {"tenant": "team"})
    assert (done.json()["entries"], done.json()["dry_run"]) == (1, False)
    assert "unreached_workers" not in done.json()
    assert not await site.is_kept()
    assert await site.is_kept(GUEST_KEY)


async def test_a_purge_by_age_takes_what_is_older() -> None:
    site = Site()
    await site.kept()
    site.gateway.clock.advance(100.0)
    young = await site.send("POST", "/admin/cache/purge", {"tenant": "team", "older_than_s": 101})
    assert (young.json()["entries"], await site.is_kept()) == (0, True)
    old = await site.send("POST", "/admin/cache/purge", {"tenant": "team", "older_than_s": 99})
    assert (old.json()["entries"], await site.is_kept()) == (1, False)


@pytest.mark.parametrize(
    ("order", "hint"),
    [
        ({"tenant": "teem"}, "Did you mean `team`?"),
        ({"tenant": "team", "route": "ballanced"}, "Did you mean `balanced`?"),
        ({"tenant": "team", "route": "x"}, "Known: `balanced`"),
        ({"tenant": "team", "route": 5}, "route"),
    ],
)
async def test_a_purge_of_what_there_is_not_is_told_with_what_there_is(order: dict[str, Any], hint: str) -> None:
    answer = await Site().send("POST", "/admin/cache/purge", order)
    assert answer.status_code == 400
    assert hint in answer.json()["error"]["message"]


async def test_workers_that_cannot_hear_of_a_purge_are_told() -> None:
    answer = await Site(unreached=3).send("POST", "/admin/cache/purge", {"tenant": "team"})
    is_as_described(answer, "CachePurge")
    assert answer.json()["unreached_workers"] == 3
    dry = await Site(unreached=3).send("POST", "/admin/cache/purge", {"tenant": "team", "dry_run": True})
    assert "unreached_workers" in dry.json()


class Away(MemoryCache):
    """A shared store that does not answer."""

    async def purge(self, selection: Selection) -> Tally:
        """Not be heard."""
        raise StoreUnavailable

    async def count(self, selection: Selection) -> Tally:
        """Not be answered."""
        raise StoreUnavailable


async def test_a_purge_that_could_not_be_recorded_is_an_error() -> None:
    site = Site()
    site.gateway.world = replace(site.gateway.world, cache=Away(site.gateway.clock))
    for method, path in (("POST", "/admin/cache/purge"), ("GET", "/admin/cache/stats?tenant=team")):
        answer = await site.send(method, path, {"tenant": "team"} if method == "POST" else None)
        assert (answer.status_code, code_of(answer)) == (503, "cache_unavailable")
        assert answer.headers["retry-after"] == "1"


async def test_figures_are_told_by_tenant_and_route_with_what_a_tenant_holds() -> None:
    site = Site()
    await site.kept()
    spent = site.gateway.receipt.charge_usd_nano
    await site.kept()
    await site.kept(GUEST_KEY)
    everything = await site.send("GET", "/admin/cache/stats")
    is_as_described(everything, "CacheStats")
    assert [row["tenant"] for row in everything.json()["rows"]] == ["guest", "team"]
    assert everything.json()["store"]["entries"] == 2
    of_team = (await site.send("GET", "/admin/cache/stats?tenant=team")).json()
    (row,) = of_team["rows"]
    assert row["requests"] == {"exact": 1, "miss": 1}
    assert (row["saved_usd_nano"], row["saved_tokens"] > 0) == (spent, True)
    assert of_team["held"]["by_route"] == {"balanced": 1}
    assert code_of(await site.send("GET", "/admin/cache/stats?tenant=teem")) == "invalid_value"


async def test_an_explanation_is_told_as_described() -> None:
    site = Site()
    await site.kept()
    for headers, would_hit in (({}, True), ({"cache": "off"}, False)):
        question = {"tenant": "team", "request": CHAT, **headers}
        told = await site.send("POST", "/admin/cache/explain", question)
        is_as_described(told, "CacheExplanation")
        assert told.json()["would_hit"] is would_hit
    unsound = await site.send("POST", "/admin/cache/explain", {"tenant": "team", "request": {"model": "auto"}})
    assert unsound.status_code == 400
