"""A small world for policies to be compiled in, and a policy that uses most of the format."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gateway.domain.ability import Ability
from gateway.domain.calibration import Catalogue
from gateway.domain.dial import Aim, Certificate, Dial, SetBy, WhenUncertified
from gateway.domain.money import Price
from gateway.domain.tier import Secret, Tier
from gateway.policy.compile import compile_policy
from gateway.policy.problems import Problem, render
from gateway.policy.snapshot import PolicySnapshot
from gateway.policy.source import PolicySource

CATALOGUE = Catalogue(
    references={
        "llama-3.1-8b-instruct": Ability("llama-3.1-8b-instruct", 0.2, (1.0, 0.5), 0.10, 0.55, ("knowledge", "maths")),
        "gpt-4o-mini": Ability("gpt-4o-mini", 0.6, (1.2, 0.4), 0.08, 0.70, ("chat", "code")),
        "gpt-4o": Ability("gpt-4o", 1.1, (1.4, 0.3), 0.07, 0.80, ("chat",)),
    },
    aliases={"llama3.1:8b": "llama-3.1-8b-instruct"},
    expected_output_tokens={"llama-3.1-8b-instruct": 300, "gpt-4o-mini": 350},
    requests=(),
    digest="0" * 64,
)

SECRETS = {"env:SEARCH_KEY": "sk-search", "env:BATCH_KEY": "sk-batch", "env:UPSTREAM_KEY": "sk-upstream"}
PRICES = {"gpt-4o": Price(2_500_000, 1_250_000, 10_000_000)}

GOOD = """\
# yaml-language-server: $schema=policy.schema.json
version: 1
tiers:
  small:
    model: qwen3-4b-instruct
    price: {input: 0.05, cached_input: 0.01, output: 0.20}
    context: 32k
    max_output: 2k
    supports: [tools, json_schema]
    ability: {like: llama-3.1-8b-instruct}
    limits: {ttft: 4s, stall: 30s, in_flight: 64}
    endpoints:
      - {url: "http://small-a:8000/v1", dialect: vllm}
      - {url: "http://small-b:8000/v1/", dialect: vllm}
  large:
    model: gpt-4o
    price: catalog
    context: 128000
    supports: [tools, vision, json_schema]
    ability: {like: gpt-4o}
    endpoints:
      - {url: "https://api.example.com/v1", api_key: env:UPSTREAM_KEY, transport: httpx}
  embed:
    model: bge-m3
    price: {catalog: gpt-4o, provider: openai}
    context: 8k
    endpoints: [{url: "http://embed:8000/v1", dialect: basic}]
models:
  auto: {route: balanced}
  gpt-4o: {route: careful}
  small: {tier: small}
  text-embedding: {tier: embed}
routes:
  balanced:
    quality: 95%
    when_uncertified: strongest
    fallback: {on: [ttft, error], max_attempts: 2}
    cache: {exact: 1h, max_temperature: 1}
  careful:
    dial: 12.5
    tiers: [large, small]
    fallback: {on: []}
    cache: {exact: off}
tenants:
  search:
    keys: [env:SEARCH_KEY]
    budget: {usd: 200, window: day}
    rate: {rpm: 600, tpm: 400k}
    tiers: [small, large]
    models: [auto, small]
    allow: {pin_tier: true, debug: true}
  batch: {keys: [env:BATCH_KEY]}
limits: {body: 4MiB, choices: 4}
receipts: {keep: 500}
"""

MINIMAL = """\
version: 1
tiers:
  only: {model: m, price: free, context: 8k, ability: {like: gpt-4o}, endpoints: [{url: "http://localhost:8000/v1"}]}
models: {auto: {route: all}}
routes: {all: {}}
"""


@dataclass(slots=True)
class FakePrices:
    """A price catalogue of a few models; a provider other than `openai` has none of them."""

    prices: Mapping[str, Price] = field(default_factory=lambda: PRICES)

    def find(self, model: str, provider: str | None) -> Price | None:
        return self.prices.get(model) if provider in {None, "openai"} else None

    def nearest(self, model: str, provider: str | None) -> Sequence[str]:
        return [name for name in self.prices if name[:3] == model[:3]]


def fake_secrets(reference: str) -> Secret | str:
    """Look a secret up in a table."""
    value = SECRETS.get(reference)
    return f"environment variable `{reference.removeprefix('env:')}` is not set" if value is None else Secret(value)


def even_dial(tiers: tuple[Tier, ...], aim: Aim, catalogue: Catalogue) -> Dial:
    """Spread requests evenly; certify what asks for less than 90 %."""
    certified = aim.quality is not None and aim.quality < 0.9
    value = 5.0 if aim.dial is None else aim.dial
    certificate = Certificate.MODEL if certified else Certificate.NONE
    strongest = aim.when_uncertified is WhenUncertified.STRONGEST and not certified and aim.dial is None
    set_by = SetBy.DIAL if aim.dial is not None else SetBy.BUDGET if aim.budget is not None else SetBy.QUALITY
    set_by = SetBy.NOTHING if strongest else set_by
    return Dial(value, certificate, (1 / len(tiers),) * len(tiers), 0.94, 0.91, 0.4, strongest, set_by=set_by)


def compile_text(text: str | bytes, name: str = "policies/p.yaml") -> PolicySnapshot | list[Problem]:
    """Compile in the small world."""
    source = PolicySource(name, text)
    return compile_policy(source, catalogue=CATALOGUE, secrets=fake_secrets, prices=FakePrices(), choose_dial=even_dial)


def problems_of(text: str | bytes) -> list[Problem]:
    """Compile what must not compile."""
    outcome = compile_text(text)
    assert isinstance(outcome, list), "compiled"
    assert outcome
    return outcome


def snapshot_of(text: str) -> PolicySnapshot:
    """Compile what must compile."""
    outcome = compile_text(text)
    if isinstance(outcome, list):
        raise AssertionError(render(outcome))
    return outcome
