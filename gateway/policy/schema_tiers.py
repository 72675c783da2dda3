"""The file format: tiers, their prices, abilities and limits."""

from typing import Annotated, Literal

from pydantic import Discriminator, Tag

from gateway.policy.quantities import Quantity, Text
from gateway.policy.scales import COUNT, DURATION, PRICE, SHARE, TOKENS
from gateway.policy.schema_endpoints import EndpointSpec
from gateway.policy.section import Section, optional, required

Name = Annotated[
    str,
    Text(
        "a name of letters, digits, `-`, `_` and `.`, at most 64 of them",
        r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,63}",
    ),
]
ModelName = Annotated[str, Text("a model's name: printable, without spaces, at most 200 characters", r"[!-~]{1,200}")]
CalibrationPath = Annotated[
    str,
    Text(
        "the path of a calibration file, such as calibrations/small.json",
        r"[^\x00-\x1f\x7f]{1,500}",
        "`tiergate calibrate --tier NAME --policy FILE` writes it",
    ),
]
UsdPerMillionTokens = Annotated[int, Quantity(PRICE, "0", "10000")]


class PriceTable(Section):
    """A price of one's own."""

    input: UsdPerMillionTokens = required("USD per million input tokens; six decimals at most.")
    output: UsdPerMillionTokens = required("USD per million output tokens, reasoning included.")
    cached_input: UsdPerMillionTokens | None = optional(
        None, "USD per million input tokens that the server had cached; the input price when absent."
    )
    cache_write: UsdPerMillionTokens | None = optional(
        None, "USD per million input tokens that the server wrote to a cache; the input price when absent."
    )


class CatalogPrice(Section):
    """A price from the genai-prices catalogue, under another name than the tier's model."""

    catalog: ModelName = required("The model's name in the genai-prices catalogue.")
    provider: Name | None = optional(
        None, "The provider whose price it is, such as `openai`; the model's own when absent."
    )


PriceWord = Annotated[
    str, Text("a price: a table such as {input: 0.15, output: 0.60}, or `catalog`, or `free`", r"catalog|free")
]


def _price_form(value: object) -> str:
    if isinstance(value, dict | Section):
        return (
            "<catalog>"
            if "catalog" in (value if isinstance(value, dict) else value.__class__.model_fields)
            else "<table>"
        )
    return "<word>"


TierPrice = Annotated[
    Annotated[PriceTable, Tag("<table>")]
    | Annotated[CatalogPrice, Tag("<catalog>")]
    | Annotated[PriceWord, Tag("<word>")],
    Discriminator(_price_form),
]


class TierAbility(Section):
    """How good the tier's model is: by comparison, or as it was measured. One of the two is given."""

    like: ModelName | None = optional(
        None, "The reference model whose answers this tier's are most like; the check names the nearest."
    )
    calibration: CalibrationPath | None = optional(
        None, "The file that `tiergate calibrate` wrote for this tier; its path starts from the policy's folder."
    )


class TierLimitsSpec(Section):
    """What one attempt on the tier may take."""

    ttft: Annotated[float, Quantity(DURATION, "10ms", "30m")] = optional(
        "20s", "Time to the first content of an answer, after which the attempt is given up."
    )
    ttft_per_1k_tokens: Annotated[float, Quantity(DURATION, "0s", "1m")] = optional(
        "250ms", "Added to `ttft` for every thousand tokens of the prompt, which must be read first."
    )
    answer: Annotated[float, Quantity(DURATION, "100ms", "1h")] = optional(
        "120s", "Time to a whole answer that is not streamed: its server says nothing before the last token."
    )
    stall: Annotated[float, Quantity(DURATION, "100ms", "30m")] = optional(
        "30s", "Longest silence of the server once content has come."
    )
    connect: Annotated[float, Quantity(DURATION, "10ms", "1m")] = optional(
        "1s", "Time to open a connection, TLS included; 3s suits another region."
    )
    in_flight: Annotated[int, Quantity(COUNT, "1", "100000")] = optional(
        256,
        "Most requests that each server of the tier is given at once by each worker process; fewer while it is late. "
        "Further ones go to other tiers, or are refused with the time to wait.",
    )
    in_flight_tokens: Annotated[int, Quantity(TOKENS, "1k", "1000M")] = optional(
        "2M",
        "Most tokens of prompts that each server of the tier is given at once by each worker process. One request "
        "alone is always given.",
    )


class SloSpec(Section):
    """What 95 % of the streams of the last 30 seconds should keep to."""

    ttft_p95: Annotated[float, Quantity(DURATION, "1ms", "30m")] | None = optional(
        None,
        "Time to the first content after a short prompt; grows with the prompt as `limits.ttft` does. No objective "
        "when absent.",
    )
    itl_p95: Annotated[float, Quantity(DURATION, "1ms", "1m")] | None = optional(
        None, "Mean time between the tokens of a stream. No objective when absent."
    )


class HealthSpec(Section):
    """How servers are looked after beyond what their requests tell."""

    probe: Annotated[float | None, Quantity(DURATION, "1s", "1d", off=True)] = optional(
        "off",
        "After so long without a request a server is asked for one token, which its provider may charge. A server that "
        "was given up is always asked, until it serves again.",
    )


Refusable = Literal[
    "chat_template_kwargs",
    "enable_thinking",
    "frequency_penalty",
    "logit_bias",
    "metadata",
    "min_p",
    "parallel_tool_calls",
    "prediction",
    "presence_penalty",
    "prompt_cache_key",
    "prompt_cache_retention",
    "reasoning",
    "reasoning_effort",
    "repetition_penalty",
    "safety_identifier",
    "seed",
    "service_tier",
    "store",
    "temperature",
    "thinking",
    "thinking_budget",
    "top_k",
    "top_p",
    "user",
    "verbosity",
    "web_search_options",
]
"""Members without which an answer is still one to what was asked, if not in the wished way."""


class TierSpec(Section):
    """A class of interchangeable model servers."""

    model: ModelName = required("The name under which the servers know the model.")
    price: TierPrice = required("A table in USD per million tokens, `catalog` (genai-prices, by `model`), or `free`.")
    batch_price: Annotated[float, Quantity(SHARE, "0", "1")] = optional(
        "100%",
        "Share of `price` that a batch request costs: `50%` is what hosted providers ask. For all that "
        "`price` has alike.",
    )
    batch_flex: bool = optional(
        False,
        "Whether its servers take `service_tier: flex`, as OpenAI's do for some models. Batch chats are then sent it, "
        "so that they cost there what `batch_price` says; a client's own stands.",
    )
    lanes: tuple[Literal["interactive", "batch"], ...] = optional(
        ("interactive", "batch"), "Which requests it takes: `[batch]` keeps interactive ones away, and the reverse."
    )
    context: Annotated[int, Quantity(TOKENS, "128", "100M")] = required(
        "Context window in tokens, prompt and answer together; `32k` is 32,000."
    )
    max_output: Annotated[int, Quantity(TOKENS, "1", "10M")] | None = optional(
        None, "Most tokens of one answer; 4,096 or the context, whichever is less, when absent."
    )
    supports: tuple[Literal["tools", "vision", "json_schema", "systemone", "decisions", "rerank"], ...] = optional(
        (),
        "What the model can do beyond text: requests that need more go to other tiers. `systemone` and `decisions`: "
        "its servers answer typed questions at `/v1/systemone` (System One) or `/v1/decisions` (OpenAI), and `rerank` "
        "that they put documents in order at `/v1/rerank`.",
    )
    refuses: tuple[Refusable, ...] = optional(
        (),
        "Members of a request that its servers answer with an error: they are left out, and named in the receipt. "
        "Requests go to this tier all the same.",
    )
    prefix_sharing: Literal["tenant", "pool"] = optional(
        "tenant",
        "Whose prompts may use what a server computed for an earlier one that began alike. `tenant`: only the same "
        "tenant's, so that nobody learns from the time an answer takes what others asked; servers of the dialect vllm "
        "are sent a `cache_salt` for it. `pool`: everybody's.",
    )
    prompt_cache_key: bool = optional(
        False,
        "Whether its servers take `prompt_cache_key`, as OpenAI's do. Long prompts are then sent one that is the same "
        "for those of a tenant that begin alike, spread where these are more than about 15 a minute. A client's own "
        "stands.",
    )
    ability: TierAbility | None = optional(
        None, "How good the model is. Without it the tier takes part in no route, as befits one for embeddings."
    )
    health: HealthSpec = optional({}, "How servers are looked after beyond what their requests tell.")
    slo: SloSpec = optional(
        {},
        "What its streams should keep to. While they do not, a tenth more of the requests goes to other able tiers "
        "every 10 s, up to nine tenths; after a minute without a breach they come back as slowly.",
    )
    limits: TierLimitsSpec = optional({}, "What one attempt may take.")
    endpoints: tuple[EndpointSpec, ...] = required("The servers; requests are spread over them.")
