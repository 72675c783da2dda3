"""The file format: model aliases and routes."""

from typing import Annotated, Literal

from gateway.policy.quantities import Quantity
from gateway.policy.scales import COUNT, DURATION, NUMBER, SHARE, SIZE, TOKENS
from gateway.policy.schema_tiers import Name
from gateway.policy.section import Section, optional


class AliasSpec(Section):
    """What a name that clients use stands for: a route, or one tier."""

    route: Name | None = optional(None, "The route that places requests for this name.")
    tier: Name | None = optional(None, "The one tier that answers requests for this name.")


class HedgeSpec(Section):
    """When a second server is asked while the first is silent. Streamed requests only; one hedge for a request."""

    after: Annotated[float | None, Quantity(DURATION, "10ms", "1m", off=True, word="auto")] = optional(
        "auto",
        "Silence after which a neighbour is asked too: a duration, or `auto`, within which all but the budget's share "
        "of the tier's recent streams had their first content.",
    )
    budget: Annotated[float, Quantity(SHARE, "0", "0.1", above=True)] = optional(
        "2%",
        "Share of the route's requests of the last minute that may be hedged, and twice the share of those of ten "
        "seconds at most; with little traffic none are.",
    )
    max_prompt: Annotated[int, Quantity(TOKENS, "1", "100M")] = optional(
        2000, "Longest prompt that is hedged, in tokens: a hedge reads all of it once more."
    )


class FallbackSpec(Section):
    """What may follow a failed attempt. Nothing follows once content was sent to the client."""

    on: tuple[
        Literal[
            "connect",
            "ttft",
            "busy",
            "error",
            "context",
            "refusal",
            "empty",
            "invalid_json",
            "broken_tool_call",
        ],
        ...,
    ] = optional(
        ("connect", "ttft", "busy", "error", "context"),
        "Failures after which the next endpoint or tier is tried: no connection; no content in time; 429 or 503; "
        "any other failed or empty answer; a prompt too long for the tier, which one with a larger window may hold. "
        "And, of answers that are not streamed, for a dearer tier: a refusal; an answer without anything in it; one "
        "that is not the JSON, or does not fit the schema, which was asked for; a call of a tool that was not offered, "
        "or with arguments that are no JSON object. Both answers are charged, and the last is given.",
    )
    max_attempts: Annotated[int, Quantity(COUNT, "1", "10")] = optional(
        3,
        "Attempts for one request in all. Whatever this says, the attempts beyond the first are kept to a tenth of the "
        "requests of the last ten seconds, or to three at once where that is more.",
    )
    replay: bool = optional(
        True,
        "Whether a request that a server may have worked on in vain may be sent to another. Turn it off where that "
        "would do harm: the servers act on the world, or keep what they were asked.",
    )
    degrade: bool = optional(
        True,
        "Whether a cheaper tier than the chosen one may answer when the chosen one and the next dearer fail: a weaker "
        "answer rather than none.",
    )


class SemanticSpec(Section):
    """When the answer to the same question in other words is given: chats that differ in their last turn alone."""

    max_wrong: Annotated[float, Quantity(SHARE, "0", "0.5", above=True)] = optional(
        "5%",
        "Share of such answers that may be wrong. What is known of right and wrong ones must bound it at 95 % "
        "confidence; until then, and after a breach, none is given.",
    )
    ttl: Annotated[float, Quantity(DURATION, "1s", "30d")] = optional(
        "1h",
        "How long an answer may be given to other words than it was given to; a hit does not prolong it. So long its "
        "question is kept, in Redis where there is one, as it was asked.",
    )
    shadow: Annotated[float, Quantity(SHARE, "0.001", "1")] = optional(
        "2%",
        "Share of the answers that could be given for which a model is asked all the same, and the two compared: that "
        "is how wrong ones are counted. With 100% none is ever given, and what would have been is known.",
    )
    tools: bool = optional(False, "Whether requests that offer tools take part.")


class CacheSpec(Section):
    """When an earlier answer is given again."""

    exact: Annotated[float | None, Quantity(DURATION, "1s", "30d", off=True)] = optional(
        "24h", "How long an answer may be given to the same request of the same tenant; `off` for never."
    )
    max_temperature: Annotated[float, Quantity(NUMBER, "0", "2")] = optional(
        0, "Hotter requests are neither stored nor served; a request that names no temperature counts as 1."
    )
    coalesce: bool = optional(
        True,
        "Whether requests that are the same and under way at once are answered by one call. It takes an exact cache, "
        "since only what that may keep is shared.",
    )
    tool_calls: bool = optional(
        False, "Whether answers that call tools are kept, too: whoever is given one again runs the same calls again."
    )
    max_answer: Annotated[int, Quantity(SIZE, "1KiB", "1MiB")] = optional(
        "1MiB", "Longest answer that is kept, as its server sent it."
    )
    hit_price: Annotated[float, Quantity(SHARE, "0", "1")] = optional(
        0, "Share of its tier's price for input and output that a kept answer is charged at; 0 gives it for nothing."
    )
    semantic: SemanticSpec | None = optional(
        None, "When the answer to the same question in other words is given; never when absent."
    )


class ConversationSpec(Section):
    """When a conversation stays with the tier that answered its last turn."""

    lock_in_tool_loop: bool = optional(True, "Whether it stays there whatever happens while calls of tools are open.")
    switch_margin: Annotated[float, Quantity(NUMBER, "0", "10")] = optional(
        "0.1",
        "Gain in value (probability of a good answer) that another tier must bring beyond the price of the cached "
        "prefix that leaving loses.",
    )
    idle_reset: Annotated[float | None, Quantity(DURATION, "1s", "30d", off=True)] = optional(
        "30m", "How long a conversation may rest before it begins anew; `off` follows no conversations."
    )


class RouteSpec(Section):
    """How requests are placed on tiers."""

    tiers: tuple[Name, ...] | None = optional(None, "The tiers to choose from; all with an ability when absent.")
    quality: Annotated[float, Quantity(SHARE, "0", "1", above=True)] | None = optional(
        None,
        "Share of the strongest able tier's expected quality to keep over this route's traffic; "
        "0.95 when neither this nor `budget` nor `dial` is given.",
    )
    budget: Annotated[float, Quantity(SHARE, "0", "1", above=True)] | None = optional(
        None,
        "Share of what always using the strongest tier would cost that this route may be expected to cost; the best "
        "quality for it. Beside `quality` it is the limit: what keeps `quality` for less is used.",
    )
    dial: Annotated[float, Quantity(NUMBER, "0", "1000000000")] | None = optional(
        None, "Instead of both: how much probability of a good answer one USD must buy; 0 ignores cost."
    )
    when_uncertified: Literal["best_effort", "strongest"] = optional(
        "best_effort",
        "What to do while `quality` cannot be certified: come as near as can be, or use the strongest tier.",
    )
    when_unknown: Literal["prior", "strongest"] | None = optional(
        None,
        "What to do with a request of which the difficulty model knows nothing: weigh the tiers by their averages, or "
        "use the strongest. With a `quality` the strongest when absent, else the averages.",
    )
    priority: Literal["interactive", "batch"] = optional(
        "interactive",
        "`batch`: all its requests are of the batch lane, and wait for room to spare. Else those are that say so, by "
        "the header `x-tiergate-priority`, a tenant's `batch_keys` or `service_tier: flex`.",
    )
    fallback: FallbackSpec = optional({}, "What may follow a failed attempt.")
    hedge: HedgeSpec | None = optional(
        None, "When a second server is asked while the first is silent; never when absent."
    )
    heartbeat: Annotated[float | None, Quantity(DURATION, "100ms", "10m", off=True)] = optional(
        "15s",
        "Silence of a stream after which its client is sent a comment, so that nothing on the way cuts the connection "
        "for idleness; `off` for never.",
    )
    deadline: Annotated[float, Quantity(DURATION, "100ms", "1h")] = optional(
        "120s", "Longest time for a whole answer that is not streamed."
    )
    stream_deadline: Annotated[float, Quantity(DURATION, "100ms", "1d")] = optional(
        "600s", "Longest time for a whole answer that is streamed."
    )
    scorer: Literal["auto", "folded", "static", "encoder", "remote", "systemone"] = optional(
        "auto",
        "Which stages of the difficulty model are asked: each only while the one before leaves the choice open, or "
        "always the one that is named.",
    )
    conversation: ConversationSpec = optional({}, "When a conversation stays with its tier.")
    cache: CacheSpec = optional({}, "When an earlier answer is given again.")
