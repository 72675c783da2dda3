"""No secret, and nothing of what was asked, is in anything that a gateway writes: a real one, logging all it can."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis

from gateway.core.cache_rules import tenant_secret
from gateway.domain.ids import TenantId
from tests.support.canaries import leaks
from tests.support.collector import collecting
from tests.support.fault_process import FaultProcess
from tests.support.gateway_process import running_gateway
from tests.support.redis_server import running_redis
from tests.support.waiting import answered

SECRETS = {
    "key of a client": b"sk-canary-client-5f1e0c8d2a",
    "key that nobody has": b"sk-canary-nobody-77aa01be93",
    "key of a model server": b"sk-canary-server-c41d88f06e",
    "password of Redis": b"canary-redis-9b30e7d1f2",
    "secret of the cache": b"canary-cache-secret-04ab7c",
    "token for the collector": b"canary-collector-e8813f5b",
    "header": b"canary-header-6d7703ca94",
    "text of a prompt": b"canary-prompt-b2e5571f08",
    "text of a system message": b"canary-system-1c9f64d3ae",
    "argument of a tool": b"canary-argument-fa20b8671d",
    "text of a broken body": b"canary-broken-38d5c0e97b",
}
TENANT_SECRET = tenant_secret(SECRETS["secret of the cache"], TenantId("team"))
CANARIES = {**SECRETS, "secret of a tenant's cache": TENANT_SECRET}
BEHAVIOURS = ("ok", "busy", "broken", "rejects", "reset", "garbage", "error-in-200", "not-an-answer", "tools")
"""Of the scripted server; each has a tier, of which a route falls back to the last."""

MARKERS: Mapping[str, bytes] = {
    "standard output": b'"event":"request"',
    "standard error": b'"event":"worker_leaving"',
    "spans and metrics": b"tiergate.request_id",
    "answers": b"invalid_api_key",
    "receipts": b'"object":"receipt"',
    "metrics": b"tiergate_requests_total",
    "admin": b'"reloads"',
    "console": b"Tiergate console",
    "Redis": b"success_upstream",
}
"""What each sink has in it for certain: an empty one would prove nothing."""


@dataclass(slots=True)
class Played:
    """What the gateway wrote, by where."""

    sinks: dict[str, bytes] = field(default_factory=dict)

    def add(self, sink: str, *parts: bytes) -> None:
        """Add to what was written there."""
        self.sinks[sink] = b"\n".join([self.sinks.get(sink, b""), *parts])


@pytest.fixture(scope="module")
def played(fault_process: FaultProcess, tmp_path_factory: pytest.TempPathFactory) -> Played:
    """Have a gateway that sends, keeps and logs all it can do all it does, and take what it wrote."""
    folder, played = tmp_path_factory.mktemp("canary"), Played()
    path = folder / "policy.yaml"
    path.write_text(_policy(fault_process.base_url))
    password, token = (SECRETS[name].decode() for name in ("password of Redis", "token for the collector"))
    with ExitStack() as stack:
        store = stack.enter_context(running_redis("--requirepass", password))
        collector = stack.enter_context(collecting())
        variables = {
            "CLIENT_KEY": SECRETS["key of a client"].decode(),
            "SERVER_KEY": SECRETS["key of a model server"].decode(),
            "TIERGATE_CACHE_SECRET": SECRETS["secret of the cache"].decode(),
            "TIERGATE_REDIS_URL": f"unix://:{password}@{store.path}",
            "TIERGATE_LOG_LEVEL": "debug",
            "TIERGATE_TRACE_SAMPLE": "1",
            "TIERGATE_ADMIN": "0",
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint,
            "OTEL_EXPORTER_OTLP_HEADERS": f"authorization=Bearer%20{token}",
        }
        with running_gateway(path, folder, **variables) as gateway:
            found = re.search(r"The console is at (http://\S+)/console", gateway.errors.read_text())
            assert found is not None
            asyncio.run(_play(gateway.base_url, found[1], played))
            path.write_text(_policy(fault_process.base_url) + "# an edit\nunknown: 1\n")
            asyncio.run(_until_refused(gateway.origin))
        with redis.Redis(unix_socket_path=store.path, password=password) as client:
            played.add("Redis", *_values(client))
        assert {headers.get("authorization") for headers in collector.headers} == {f"Bearer {token}"}
        played.add("spans and metrics", *collector.raw)
    played.add("standard output", (folder / "gateway.out").read_bytes())
    played.add("standard error", (folder / "gateway.err").read_bytes())
    return played


def test_no_canary_is_found_anywhere(played: Played) -> None:
    assert leaks(played.sinks, CANARIES) == []


@pytest.mark.parametrize("sink", MARKERS)
def test_every_sink_is_heard_and_a_canary_in_it_would_be_found(sink: str, played: Played) -> None:
    assert MARKERS[sink] in played.sinks[sink]
    at = len(played.sinks[sink]) // 2
    for name, canary in CANARIES.items():
        planted = played.sinks[sink][:at] + canary + played.sinks[sink][at:]
        assert leaks({sink: planted}, CANARIES) == [(sink, name)]


def test_the_model_server_was_sent_what_is_searched_for(played: Played, fault_process: FaultProcess) -> None:
    assert played.sinks
    asked = [seen for behaviour in BEHAVIOURS for seen in fault_process.requests(behaviour)]
    text = repr(asked).encode()
    for name in ("key of a model server", "text of a prompt", "text of a system message", "argument of a tool"):
        assert SECRETS[name] in text


def _policy(url: str) -> str:
    tiers = "".join(
        f"""\
  {name}:
    model: {name}
    price: {{input: {1000 if name == "last" else 1}, output: 1}}
    context: 32k
    supports: [tools]
    ability: {{like: {"gpt-4o" if name == "last" else "llama-3.1-8b-instruct"}}}
    limits: {{ttft: 5s, answer: 5s, stall: 5s}}
    endpoints: [{{url: "{url}", api_key: env:SERVER_KEY}}]
"""
        for name in (*BEHAVIOURS, "last")
    )
    models = "".join(f"  {name}: {{tier: {name}}}\n  {name}+: {{route: {name}}}\n" for name in BEHAVIOURS)
    routes = "".join(f"  {name}: {{tiers: [{name}, last], cache: {{exact: 1h}}}}\n" for name in BEHAVIOURS)
    return (
        f"version: 1\ntiers:\n{tiers}models:\n{models}routes:\n{routes}"
        "tenants:\n  team: {keys: [env:CLIENT_KEY], allow: {debug: true, pin_tier: true}, budget: {usd: 100}}\n"
    )


def _body(model: str, **more: Any) -> dict[str, Any]:
    prompt, system = (SECRETS[name].decode() for name in ("text of a prompt", "text of a system message"))
    messages = [{"role": "system", "content": system}, {"role": "user", "content": f"What is {prompt}?"}]
    return {"model": model, "messages": messages, "max_tokens": 8, "temperature": 0, **more}


def _tools() -> dict[str, Any]:
    argument = SECRETS["argument of a tool"].decode()
    parameters = {"type": "object", "properties": {argument: {"type": "string"}}}
    return {"tools": [{"type": "function", "function": {"name": "look", "parameters": parameters}}]}


@asynccontextmanager
async def _client(base_url: str) -> AsyncIterator[httpx.AsyncClient]:
    hidden = SECRETS["header"].decode()
    headers = {
        "authorization": f"Bearer {SECRETS['key of a client'].decode()}",
        "cookie": f"session={hidden}",
        "x-forwarded-authorization": hidden,
        "x-conversation-id": hidden,
        "x-tiergate-debug": "true",
        "user-agent": hidden,
    }
    async with httpx.AsyncClient(base_url=base_url, headers=headers, trust_env=False, timeout=30.0) as client:
        yield client


async def _play(base_url: str, console_url: str, played: Played) -> None:
    """Ask for everything, in every way that ends otherwise."""
    async with _client(base_url) as client:
        answers = [
            await client.post("/chat/completions", json=_body(f"{behaviour}{suffix}", stream=stream, **_tools()))
            for behaviour in BEHAVIOURS
            for suffix in ("", "+")
            for stream in (False, True)
        ]
        answers += [await client.post("/chat/completions", json=_body("ok+")) for _ in range(2)]
        assert answers[-1].headers["x-tiergate-cache"] == "exact"
        answers += [answer async for answer in _refused(client)]
        # What was answered is the client's own; what was refused must not repeat what it was about.
        played.add("answers", *(answer.content for answer in answers if answer.status_code >= 400))
        played.add("answers", *(repr(answer.headers.raw).encode() for answer in answers))
        for answer in answers:
            receipt = await client.get(f"/receipts/{answer.headers['x-tiergate-request-id']}")
            played.add("receipts", receipt.content)
        for path in ("/../metrics", "/../openapi.json"):
            played.add("metrics", (await client.get(path)).content)
        for path in ("/../admin/policy", "/../admin/cache/stats?tenant=team"):
            played.add("admin", (await client.get(path)).content)
        last = answers[0].headers["x-tiergate-request-id"]
        for path in ("", "/now", "/series", "/policy", "/curve/ok", f"/receipts/{last}"):
            page = await client.get(f"{console_url}/console{path}")
            assert page.status_code == 200
            played.add("console", page.content)


async def _refused(client: httpx.AsyncClient) -> AsyncIterator[httpx.Response]:
    nobody, broken = (SECRETS[name].decode() for name in ("key that nobody has", "text of a broken body"))
    yield await client.post("/chat/completions", json=_body("ok"), headers={"authorization": f"Bearer {nobody}"})
    yield await client.post("/chat/completions", json=_body("ok"), headers={"authorization": f"Basic {nobody}"})
    json = {"content-type": "application/json"}
    yield await client.post("/chat/completions", content=f'{{"model": "ok", "{broken}', headers=json)
    yield await client.post("/chat/completions", content=f'"{broken}"', headers=json)
    yield await client.post("/chat/completions", json={**_body("ok"), "messages": [{"role": "user"}, broken]})
    yield await client.post("/chat/completions", json=_body("ok", temperature=broken))
    yield await client.post("/chat/completions", content=broken, headers={"content-type": "text/plain"})
    yield await client.post("/embeddings", json={"model": "ok", "input": SECRETS["text of a prompt"].decode()})


async def _until_refused(origin: str) -> None:
    """Wait until the edit of the policy was found to be bad, which is told in the log."""
    async with httpx.AsyncClient(trust_env=False) as client:
        await answered(lambda: client.get(f"{origin}/admin/policy"), lambda answer: answer.json()["problems"])


def _values(client: Any) -> Iterator[bytes]:
    """Yield every key and whatever lies under it."""
    read = {
        b"string": lambda key: client.get(key),
        b"hash": lambda key: client.hgetall(key),
        b"stream": lambda key: client.xrange(key),
        b"zset": lambda key: client.zrange(key, 0, -1),
        b"set": lambda key: client.smembers(key),
        b"list": lambda key: client.lrange(key, 0, -1),
    }
    for key in client.scan_iter():
        value = read[client.type(key)](key)
        yield key
        yield value if isinstance(value, bytes) else repr(value).encode()


def test_a_gateway_that_writes_a_secret_it_was_given_fails_the_test_that_ran_it(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(_policy("http://127.0.0.1:1/v1"))
    keys = {"CLIENT_KEY": "nobody knows", "SERVER_KEY": "nobody is told", "SAID_KEY": "worker_leaving"}
    with pytest.raises(AssertionError, match="SAID_KEY"), running_gateway(path, tmp_path, **keys):
        """Its end is logged under that name."""
