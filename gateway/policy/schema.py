"""The file format, as types: the whole policy, with the limits at the edge.

The check, the JSON Schema for editors and the reference are all made from these types. A field is here only if it
works; its default, its unit and one sentence about it stand with it.
"""

from typing import Annotated, Literal

from gateway.policy.quantities import Quantity
from gateway.policy.scales import COUNT, DURATION, SHARE, SIZE
from gateway.policy.schema_batch import BatchSpec
from gateway.policy.schema_classifier import ClassifierSpec
from gateway.policy.schema_routes import AliasSpec, RouteSpec
from gateway.policy.schema_tenants import TenantSpec
from gateway.policy.schema_tiers import ModelName, Name, TierSpec
from gateway.policy.section import Section, optional, required

DEFAULT_QUALITY = 0.95
DEFAULT_MAX_OUTPUT_TOKENS = 4_096
"""What most servers take for an answer without `max_tokens`; it bounds the hold on a tenant's budget."""


class LimitsSpec(Section):
    """The largest requests that are accepted, checked before they are read."""

    body: Annotated[int, Quantity(SIZE, "1KiB", "1024MiB")] = optional("8MiB", "Size of a request's body.")
    depth: Annotated[int, Quantity(COUNT, "4", "200")] = optional(32, "Levels of nesting in the body's JSON.")
    messages: Annotated[int, Quantity(COUNT, "1", "1000000")] = optional(2048, "Messages in one request.")
    tools: Annotated[int, Quantity(COUNT, "0", "100000")] = optional(128, "Tools in one request.")
    stop: Annotated[int, Quantity(COUNT, "0", "1000")] = optional(16, "Stop sequences in one request.")
    stop_size: Annotated[int, Quantity(SIZE, "1B", "64KiB")] = optional("256B", "Size of one stop sequence.")
    choices: Annotated[int, Quantity(COUNT, "1", "128")] = optional(16, "Answers to one request (`n`).")
    top_logprobs: Annotated[int, Quantity(COUNT, "0", "1000")] = optional(20, "Alternatives a token (`top_logprobs`).")
    headers: Annotated[int, Quantity(COUNT, "10", "10000")] = optional(100, "Header lines of one request.")
    headers_size: Annotated[int, Quantity(SIZE, "1KiB", "1MiB")] = optional(
        "32KiB", "Size of all header lines together."
    )
    url_size: Annotated[int, Quantity(SIZE, "64B", "64KiB")] = optional("2KiB", "Size of the request's target.")
    headers_timeout: Annotated[float, Quantity(DURATION, "100ms", "5m")] = optional(
        "10s", "Time for a client to send its headers, however slowly they come."
    )
    body_timeout: Annotated[float, Quantity(DURATION, "100ms", "30m")] = optional(
        "30s", "Time for a client to send its body."
    )
    sse_line: Annotated[int, Quantity(SIZE, "1KiB", "64MiB")] = optional(
        "1MiB", "Size of one line of a server's stream."
    )
    sse_event: Annotated[int, Quantity(SIZE, "1KiB", "64MiB")] = optional(
        "2MiB", "Size of one event of a server's stream."
    )
    in_flight: Annotated[int, Quantity(COUNT, "1", "1000000")] = optional(
        2000, "Requests under way at once, in each worker process."
    )
    in_flight_per_key: Annotated[int, Quantity(COUNT, "1", "1000000")] = optional(
        64, "Requests under way at once with one key, in each worker process."
    )
    queue: Annotated[int, Quantity(COUNT, "0", "100000")] = optional(
        256, "Requests that may wait for one of those under way to end, in each worker process; shared like those."
    )
    queue_wait: Annotated[float, Quantity(DURATION, "1ms", "1m")] = optional(
        "2s", "Longest wait there; a tenth of the time that the caller allows, where that is less."
    )
    loop_lag: Annotated[float | None, Quantity(DURATION, "1ms", "10s", off=True)] = optional(
        "10ms",
        "How late the event loop's timers may come before fewer requests are taken, 64 at the least; `off`: never.",
    )
    remote_images: bool = optional(
        True, "Whether `image_url` may name another host; the gateway never fetches it, but the model server may."
    )


class ReceiptsSpec(Section):
    """What is remembered of requests. Read at the start only."""

    keep: Annotated[int, Quantity(COUNT, "0", "1000000")] = optional(
        10000,
        "Receipts that each worker process remembers, about 4 kB each; the oldest go first.",
    )
    ttl: Annotated[float, Quantity(DURATION, "1m", "90d")] = optional("1d", "How long one can be asked for.")
    memory: Annotated[int, Quantity(SIZE, "1MiB", "65536MiB")] = optional(
        "64MiB", "What they may take of each worker's memory, as estimated; the oldest go first."
    )


class FeedbackSpec(Section):
    """What is learnt from what people say of answers (`POST /v1/feedback`)."""

    scope: Literal["tenant", "shared"] = optional(
        "tenant", "Whose feedback moves a tenant's decisions: its own, or that of all tenants."
    )
    sample: Annotated[float, Quantity(SHARE, "0", "1")] = optional(
        "0", "Share of answered requests that leave a training record though nothing was said of them."
    )


class Policy(Section):
    """A Tiergate policy."""

    version: Literal[1] = required("The version of this format.")
    tiers: dict[Name, TierSpec] = required("The tiers by name, cheapest first.")
    models: dict[ModelName, AliasSpec] = required("What clients may name as `model`.")
    routes: dict[Name, RouteSpec] = optional({}, "The routes by name.")
    tenants: dict[Name, TenantSpec] = optional(
        {}, "Who may use the gateway; without any, everyone may who reaches it, and it listens on this machine only."
    )
    limits: LimitsSpec = optional({}, "The largest requests that are accepted.")
    batch: BatchSpec = optional({}, "How much requests that nobody waits for may fill, and how they wait.")
    classifier: ClassifierSpec = optional(
        {}, "The encoder and scorers elsewhere, asked while the cheap stages leave a decision open. Read at the start."
    )
    receipts: ReceiptsSpec = optional({}, "What is remembered of requests.")
    feedback: FeedbackSpec = optional({}, "What is learnt from what people say of answers.")
