"""The policies of the simulation: real text, compiled by the real compiler, once for each shape and version."""

from functools import lru_cache
from typing import Final

from gateway.domain.ids import EndpointId
from gateway.policy.snapshot import PolicySnapshot
from tests.sim.case import Shape
from tests.unit.policy.worlds import snapshot_of

VERSIONS: Final = 3
KEYS: Final = (b"sk-search", b"sk-batch")
TENANTS: Final = ("first", "second")
_REFERENCES: Final = ("llama-3.1-8b-instruct", "gpt-4o-mini", "gpt-4o")
_PRICES_USD: Final = ((1, 2), (4, 8), (16, 32))
"""Input and output, a million tokens; in whole dollars, so that no charge is ever rounded."""
BATCH_WAIT_S: Final = 3
"""How long batch requests wait for room."""
_CONTEXT: Final = ("8k", "32k", "128k")


def tier_name(rank: int) -> str:
    """Name a tier by its rank."""
    return f"t{rank}"


def host_name(rank: int, number: int) -> str:
    """Name a model server by its tier's rank and its number there."""
    return f"t{rank}-{number}"


def tier_of(host: str) -> str:
    """Name the tier of a model server."""
    return host.partition("-")[0]


def host_of(endpoint: EndpointId) -> str:
    """Name the model server of an endpoint, which is known by its tier and its place there."""
    return endpoint.replace("/", "-")


_CACHED: Final = "exact: 1h, semantic: {shadow: 50%}"
"""Every request is compared with others, and found improbable to have their answer; of some the answers are, too."""


def model_name(rank: int, version: int) -> str:
    """Name the model that a tier serves under a version of the policy."""
    return f"model-{rank}-v{version}"


def price_usd_nano(rank: int, version: int) -> tuple[int, int]:
    """Tell what a token costs at a tier: input and output, in nano-USD."""
    input_usd, output_usd = _PRICES_USD[rank]
    return input_usd * (version + 1) * 1_000, output_usd * (version + 1) * 1_000


@lru_cache(maxsize=4096)
def snapshot(shape: Shape, version: int) -> PolicySnapshot:
    """Compile a version of the policy."""
    return snapshot_of(policy_text(shape, version))


def policy_text(shape: Shape, version: int) -> str:
    """Write a version of the policy."""
    ranks = range(len(shape.servers))
    dial = 0 if shape.strongest else 1_000_000
    hedge = f"hedge: {{after: {shape.hedge_s}s, budget: 10%}}, " if shape.hedge_s else ""
    if shape.hedges_as_usual:
        hedge = "hedge: {}, "
    route = (
        f"dial: {dial}, deadline: {shape.deadline_s}s, stream_deadline: {shape.deadline_s}s, "
        f"fallback: {{on: [{', '.join(shape.on)}], max_attempts: {shape.attempts}, "
        f"replay: {str(shape.replay).lower()}, degrade: {str(shape.degrade).lower()}}}, "
        f"heartbeat: {shape.heartbeat_s}s, {hedge}"
        f"cache: {{{_CACHED if shape.cache else 'exact: off'}, max_temperature: 1}}"
    )
    places = f", in_flight: {shape.places}" if shape.places else ""
    lines = [
        "version: 1",
        "tiers:",
        *[_tier(shape, rank, version) for rank in ranks],
        "models:",
        "  auto: {route: main}",
        *[f"  {tier_name(rank)}: {{tier: {tier_name(rank)}}}" for rank in ranks],
        "routes:",
        f"  main: {{{route}}}",
        f"limits: {{in_flight_per_key: {shape.in_flight_per_key}{places}}}",
        f"batch: {{fill: {shape.fill_percent}%, wait: {BATCH_WAIT_S}s}}",
        *(_tenants(shape) if shape.keyed else ()),
    ]
    return "\n".join(lines) + "\n"


def _tier(shape: Shape, rank: int, version: int) -> str:
    input_usd, output_usd = _PRICES_USD[rank]
    dialect = "basic" if shape.basic else "openai"
    endpoints = [
        f'{{url: "http://{host_name(rank, number)}:8000/v1", dialect: {dialect}}}'
        for number in range(shape.servers[rank])
    ]
    limits = (
        f"connect: {shape.connect_s}s, ttft: {shape.ttft_s}s, ttft_per_1k_tokens: 0s, stall: {shape.stall_s}s, "
        f"answer: {shape.answer_s}s, in_flight: {shape.in_flight}"
    )
    slo = f"slo: {{ttft_p95: {shape.slo_s}s, itl_p95: {shape.slo_s}s}}, " if shape.slo_s else ""
    return (
        f"  {tier_name(rank)}: {{{slo}model: {model_name(rank, version)}, context: {_CONTEXT[rank]}, "
        f"supports: [tools], price: {{input: {input_usd * (version + 1)}, output: {output_usd * (version + 1)}}}, "
        f"ability: {{like: {_REFERENCES[rank]}}}, limits: {{{limits}}}, endpoints: [{', '.join(endpoints)}]}}"
    )


def _tenants(shape: Shape) -> tuple[str, ...]:
    budget = f", budget: {{usd: {shape.budget_usd}, window: month}}" if shape.budget_usd else ""
    return (
        "tenants:",
        f"  first: {{keys: [env:SEARCH_KEY]{budget}, rate: {{rpm: {shape.rpm}}}}}",
        f"  second: {{keys: [env:BATCH_KEY]{budget}}}",
    )
