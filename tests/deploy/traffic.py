"""Traffic in which everything happens that a dashboard shows, over real model servers and a scripted one."""

import asyncio
import itertools
import json
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final

import httpx

from tests.support import live_policies
from tests.support.live_policies import GUEST_KEY, POOR_KEY, TEAM_KEY

BOUND_KEY: Final = "sk-bound"
KEYS: Final = {**live_policies.KEYS, "BOUND_KEY": BOUND_KEY}
"""The variables that the tenants below refer to."""
TENANTS: Final = """\
tenants:
  team: {keys: [env:TEAM_KEY], allow: {pin_tier: true}}
  guest: {keys: [env:GUEST_KEY], rate: {rpm: 1}}
  bound: {keys: [env:BOUND_KEY], tiers: [small]}
  poor: {keys: [env:POOR_KEY], budget: {usd: 0.000001, window: day}}
"""
OTHER_WORDS = "What's the capital city of France?"
EASY, HARD = "What is the capital of France?", "Prove that there are infinitely many primes, and count them below 1000."
LONG = "You are asked about numbers, and answer in one sentence. " * 60
"""Several kilobytes: the beginning of a prompt that is worth being sent where it was computed."""
BODY: Final = {"max_tokens": 6, "messages": [{"role": "user", "content": EASY}]}
EVERY_S: Final = 0.4
"""From one request of a kind to the next: each comes often enough to have a rate."""
Kind = Callable[[httpx.AsyncClient], Coroutine[Any, Any, None]]


def policy(nano_url: str, small_url: str, scripted_urls: tuple[str, str], late_url: str) -> str:
    """Return a policy over two real servers, one that is not there yet, and two scripted ones that fail in two ways.

    The objective of `small` is one that no server keeps.
    """
    scripted_url, twin_url = scripted_urls
    return f"""\
version: 1
tiers:
  small:
    model: nano
    price: {{input: 1, cached_input: 0.1, output: 2}}
    context: 4k
    supports: [tools, json_schema]
    ability: {{like: llama-3.1-8b-instruct}}
    slo: {{ttft_p95: 1ms, itl_p95: 1ms}}
    endpoints: [{{url: "{nano_url}", dialect: llamacpp}}]
  broken: {{model: broken, price: {{input: 1, output: 2}}, context: 4k, endpoints: [{{url: "{scripted_url}"}}],
           ability: {{like: llama-3.1-8b-instruct}}}}
  mute: {{model: mute, price: {{input: 1, output: 2}}, context: 4k, endpoints: [{{url: "{scripted_url}"}}],
         ability: {{like: llama-3.1-8b-instruct}}, limits: {{connect: 100ms, ttft: 100ms, answer: 200ms}}}}
  late: {{model: ok, price: {{input: 1, output: 2}}, context: 4k, endpoints: [{{url: "{late_url}"}}],
         ability: {{like: llama-3.1-8b-instruct}}, limits: {{connect: 200ms}}}}
  large:
    model: small
    price: {{input: 10, cached_input: 1, output: 20}}
    context: 4k
    supports: [tools, json_schema]
    ability: {{like: gpt-4o}}
    endpoints: [{{url: "{small_url}", dialect: llamacpp}}]
  sound: {{model: ok, price: {{input: 1000, cached_input: 100, output: 2000}}, context: 4k,
          endpoints: [{{url: "{scripted_url}"}}, {{url: "{twin_url}"}}], ability: {{like: gpt-4o}}}}
classifier: {{device: cpu, cpu_deadline: 1s}}
models:
  auto: {{route: balanced}}
  encoded: {{route: encoded}}
  cheap: {{route: cheap}}
  talk: {{route: talk}}
  cached: {{route: cached}}
  mute: {{tier: mute}}
  large: {{tier: large}}
  broken+: {{route: broken}}
  late+: {{route: late}}
routes:
  balanced: {{tiers: [small, large], quality: 90%, cache: {{exact: off}}}}
  encoded: {{tiers: [small, sound], quality: 90%, scorer: encoder, cache: {{exact: off}}}}
  cheap: {{tiers: [small, sound], dial: 1000000000, cache: {{exact: off}}}}
  talk: {{tiers: [broken, sound], dial: 0, cache: {{exact: off}}}}
  cached: {{tiers: [small, sound], dial: 1000000000, 
           cache: {{exact: 1h, semantic: {{shadow: 100%}}}}}}
  broken: {{tiers: [broken, sound], dial: 1000000000, cache: {{exact: off}}}}
  late: {{tiers: [late, sound], dial: 1000000000, cache: {{exact: off}}}}
{TENANTS}"""


class Traffic:
    """Requests of every kind, again and again, until it is told to stop. What clients are answered does not matter."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url
        self._number = itertools.count()
        self._last_id = ""

    async def run(self, is_over: Callable[[], bool]) -> None:
        """Send until it is over, each kind by itself, so that slow ones keep no others waiting."""
        async with httpx.AsyncClient(trust_env=False, timeout=30.0, base_url=self._base_url) as client:
            await asyncio.gather(*(self._again_and_again(kind, client, is_over) for kind in self._kinds()))

    async def _again_and_again(self, send: Kind, client: httpx.AsyncClient, is_over: Callable[[], bool]) -> None:
        while not is_over():
            pause = asyncio.create_task(asyncio.sleep(EVERY_S))
            await send(client)
            await pause

    async def try_the_late_one(self) -> None:
        """Ask the server that is not there yet until cancelled. Requests that find it there would bring it back."""
        async with httpx.AsyncClient(trust_env=False, timeout=30.0, base_url=self._base_url) as client:
            await self._again_and_again(self._one("late+"), client, lambda: False)

    def _kinds(self) -> list[Kind]:
        return [
            self._one("cheap", stream=True),
            self._one("auto", say=HARD, stream=True),
            self._one("large", stream=True, extra={"max_tokens": 64}),
            self._ask_the_encoder,
            self._one("cheap", extra={"service_tier": "flex"}),
            self._one("cached", extra={"temperature": 0}),
            self._one("cached", say=OTHER_WORDS, extra={"temperature": 0}),
            self._ask_anew,
            self._report,
            self._one("broken+"),
            self._one("mute"),
            self._one("nobody"),
            self._one("cheap", key=GUEST_KEY),
            self._one("cheap", key=POOR_KEY),
            self._one("cheap", key=BOUND_KEY),
            self._converse,
            self._opine,
        ]

    def _one(
        self,
        model: str,
        *,
        say: str = EASY,
        key: str = TEAM_KEY,
        stream: bool = False,
        extra: Mapping[str, object] | None = None,
    ) -> Kind:
        messages = [{"role": "user", "content": say}]
        body = {**BODY, "model": model, "messages": messages, "stream": stream, **(extra or {})}

        async def send(client: httpx.AsyncClient) -> None:
            answer = await client.post("/chat/completions", json=body, headers=_key(key))
            self._last_id = answer.headers.get("x-tiergate-request-id", self._last_id)

        return send

    async def _converse(self, client: httpx.AsyncClient) -> None:
        """Two turns of one conversation."""
        headers = {**_key(TEAM_KEY), "x-conversation-id": f"talk-{next(self._number)}"}
        messages = [{"role": "system", "content": LONG}, {"role": "user", "content": HARD}]
        for _ in range(2):
            body = {**BODY, "model": "talk", "messages": messages}
            answer = await client.post("/chat/completions", json=body, headers=headers)
            if answer.status_code != httpx.codes.OK:
                return
            said = json.loads(answer.content)["choices"][0]["message"]["content"] or "…"
            messages += [{"role": "assistant", "content": said}, {"role": "user", "content": EASY}]

    async def _ask_anew(self, client: httpx.AsyncClient) -> None:
        """Ask what nobody asked before, so that a model must answer and the answer is kept."""
        await self._one("cached", say=f"{EASY} {next(self._number)}", extra={"temperature": 0})(client)

    async def _ask_the_encoder(self, client: httpx.AsyncClient) -> None:
        """Ask something hard that is new: what the encoder read lately it remembers."""
        await self._one("encoded", say=f"{HARD} {next(self._number)}")(client)

    async def _report(self, client: httpx.AsyncClient) -> None:
        """Say that an answer was wrong."""
        await client.post("/cache/report", json={"request_id": self._last_id}, headers=_key(TEAM_KEY))

    async def _opine(self, client: httpx.AsyncClient) -> None:
        """Say of an answer what it was worth."""
        opinion = {"request_id": self._last_id, "score": 1}
        await client.post("/feedback", json=opinion, headers=_key(TEAM_KEY))


def _key(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}
