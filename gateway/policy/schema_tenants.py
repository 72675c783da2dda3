"""The file format: tenants and what they may use."""

from collections.abc import Iterator
from typing import Annotated, Final, Literal

from gateway.policy.quantities import Day, Quantity, Text
from gateway.policy.scales import COUNT, MONEY, NUMBER, SHARE, TOKENS
from gateway.policy.schema_endpoints import SecretReference
from gateway.policy.schema_tiers import ModelName, Name
from gateway.policy.section import Section, optional, required

GROUP: Final = "group:"
"""Begins the name of a group of tenants, which no tenant's name can begin with."""


class BudgetSpec(Section):
    """How much a tenant may spend."""

    usd: Annotated[int, Quantity(MONEY, "0", "9000000", above=True)] = required(
        "USD in each window; up to nine million, which stay exact in every store."
    )
    window: Literal["minute", "hour", "day", "week", "month"] = optional(
        "day", "When spending starts anew, in UTC; a `month` is 30 days."
    )


class RateSpec(Section):
    """How fast a tenant may go."""

    rpm: Annotated[int, Quantity(COUNT, "1", "100000000")] | None = optional(
        None, "Requests a minute; unlimited when absent."
    )
    tpm: Annotated[int, Quantity(TOKENS, "1", "1000000M")] | None = optional(
        None, "Tokens a minute, input and output together; unlimited when absent."
    )


class AllowSpec(Section):
    """What a tenant may ask for beyond answers."""

    pin_tier: bool = optional(False, "Whether the header `x-tiergate-tier` may choose the tier.")
    debug: bool = optional(False, "Whether the header `x-tiergate-debug` is answered with more headers.")


class SharingSpec(Section):
    """With whom a tenant shares kept answers."""

    scope: Annotated[
        str, Text("`tenant`, `key`, or `group:` and a name", rf"tenant|key|{GROUP}[A-Za-z0-9][A-Za-z0-9_.\-]{{0,63}}")
    ] = optional(
        "tenant",
        "Whose kept answers a key is given: those of its `tenant`, its own alone (`key`), or those of every tenant "
        "that names the same `group:NAME`, who then can tell what others of the group have asked.",
    )


class TenantSpec(Section):
    """Who pays, with which keys."""

    keys: tuple[SecretReference, ...] = required("The tenant's API keys: `env:NAME` or `file:/path`.")
    batch_keys: tuple[SecretReference, ...] = optional(
        (), "Further API keys of the tenant, all of whose requests are of the batch lane."
    )
    budget: BudgetSpec | None = optional(None, "How much it may spend; unlimited when absent.")
    rate: RateSpec = optional({}, "How fast it may go; unlimited when absent.")
    share: Annotated[float, Quantity(NUMBER, "0.01", "1000")] = optional(
        1, "Its part of a busy worker, weighed against the shares of the others; what they leave is lent."
    )
    tiers: tuple[Name, ...] | None = optional(None, "The tiers it may use; all when absent.")
    strongest_share: Annotated[float, Quantity(SHARE, "0", "1")] | None = optional(
        None,
        "Share of each key's requests of the last hour that its route's strongest tier may take, by each worker's own "
        "count and from the 20th request on; unlimited when absent. Beyond it other able tiers answer, if any.",
    )
    models: tuple[ModelName, ...] | None = optional(None, "The model aliases it may name; all when absent.")
    allow: AllowSpec = optional({}, "What it may ask for beyond answers.")
    cache: SharingSpec = optional({}, "With whom it shares kept answers.")
    record_text: bool = optional(
        False, "Whether what is kept for feedback and training may hold its prompts; positions and figures only, else."
    )
    trace_text_until: Annotated[float, Day()] | None = optional(
        None,
        "Until this day begins, in UTC, the prompts of its requests go to the collector with their spans, and each is "
        "told in the log; never when absent.",
    )


def keys_of(tenant: TenantSpec) -> Iterator[tuple[str, int, str]]:
    """Yield each of a tenant's keys: the field that has it, its position there, and the reference."""
    for position, reference in enumerate(tenant.keys):
        yield "keys", position, reference
    for position, reference in enumerate(tenant.batch_keys):
        yield "batch_keys", position, reference
