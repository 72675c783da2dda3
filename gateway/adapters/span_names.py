"""Every name in a span, in one module: OpenTelemetry's GenAI conventions as of 0.66b2, and our own under `tiergate.`.

The conventions are still being moved about; what they call a thing is copied here and nowhere else.
"""

from enum import StrEnum
from typing import Final

from gateway.domain.request import Operation

PROVIDER: Final = "tiergate"
"""Whom a client of the gateway asks."""
SERVER_PROVIDER: Final = "openai_compatible"
"""Whom the gateway asks, as far as it knows: a server that speaks OpenAI's dialect."""
OPERATIONS: Final = {
    Operation.CHAT: "chat",
    Operation.COMPLETIONS: "text_completion",
    Operation.EMBEDDINGS: "embeddings",
    Operation.MESSAGES: "chat",
    Operation.RESPONSES: "chat",
    Operation.SYSTEMONE: "decide",
    Operation.DECISIONS: "decide",
    Operation.RERANK: "rerank",
}


class SpanAttribute(StrEnum):
    """What a span says. Those of the conventions first."""

    OPERATION = "gen_ai.operation.name"
    """`chat`, `text_completion` or `embeddings`; of typed questions, which the conventions have none for, `decide`."""
    PROVIDER = "gen_ai.provider.name"
    """`tiergate` on the span of a request, `openai_compatible` on that of a call to a model server."""
    REQUEST_MODEL = "gen_ai.request.model"
    """The model as it was named: by the client, or by the gateway to a model server."""
    REQUEST_STREAM = "gen_ai.request.stream"
    """Whether the answer was asked for in events."""
    RESPONSE_MODEL = "gen_ai.response.model"
    """The model that gave the answer."""
    FINISH_REASONS = "gen_ai.response.finish_reasons"
    """Why the answer ended."""
    FIRST_CHUNK = "gen_ai.response.time_to_first_chunk"
    """Seconds to the first content: of a request since its first byte, of a call since it was begun."""
    INPUT_TOKENS = "gen_ai.usage.input_tokens"
    """Of the prompt, those that the server had cached included."""
    OUTPUT_TOKENS = "gen_ai.usage.output_tokens"
    """Of the answer, reasoning included."""
    CACHED_TOKENS = "gen_ai.usage.cache_read.input_tokens"
    """Of the prompt, what the server had cached."""
    CACHE_WRITE_TOKENS = "gen_ai.usage.cache_creation.input_tokens"
    """Of the prompt, what the server wrote to a cache."""
    REASONING_TOKENS = "gen_ai.usage.reasoning.output_tokens"
    """Of the answer, what was reasoning."""
    METHOD = "http.request.method"
    """`POST`."""
    STATUS = "http.response.status_code"
    """Of the answer to the client, or of the model server's."""
    ERROR = "error.type"
    """The code of the error that the client was told, or what a call failed of; absent where all went well."""
    REQUEST_ID = "tiergate.request_id"
    """Under which the receipt lies."""
    OUTCOME = "tiergate.outcome"
    """How the request ended; the outcomes are listed above."""
    TENANT = "tiergate.tenant"
    """Whose key it came with."""
    KEY = "tiergate.key"
    """The key's name, which is not the key."""
    ROUTE = "tiergate.route"
    """The route that it took."""
    TIER = "tiergate.tier"
    """The tier that gave the answer, or that was called."""
    REASON = "tiergate.reason"
    """Why that tier was tried first; the reasons are listed above."""
    SCORER = "tiergate.scorer"
    """The stage of the difficulty model that the decision went by."""
    CACHE = "tiergate.cache"
    """What the cache gave, as the header `x-tiergate-cache` says it."""
    SNAPSHOT = "tiergate.snapshot"
    """The policy that it was served under."""
    ATTEMPTS = "tiergate.attempts"
    """Calls to model servers."""
    COST = "tiergate.charge_usd_nano"
    """What it cost, in nano-USD."""
    BASELINE = "tiergate.baseline_usd_nano"
    """What the same tokens would have cost at the strongest able tier, in nano-USD: an estimate."""
    OVERHEAD = "tiergate.overhead_ms"
    """The gateway's own share of the time."""
    PROMPT = "tiergate.prompt"
    """The last user turn, up to 16 kB of it: only where the tenant's policy says so, until the day that it names."""
    ENDPOINT = "tiergate.endpoint"
    """The model server that was called."""
    ATTEMPT = "tiergate.attempt"
    """The number of the call, from 1."""
    WASTE = "tiergate.waste_usd_nano"
    """What a call that was given up cost, estimated, in nano-USD."""


class SpanEvent(StrEnum):
    """What happened within a span, and when."""

    ADMITTED = "admitted"
    """The caller is known, and there is room."""
    UNDERSTOOD = "canonicalised"
    """The body is sound."""
    LOOKED_UP = "looked_up"
    """The cache has said what it has."""
    SCORED = "scored"
    """The difficulty model has said how hard it is."""
    DECIDED = "decided"
    """The tiers to try are known, and their money is held."""
    HEADERS = "headers"
    """A model server's status line has come."""
    FIRST_CONTENT = "first_content"
    """The first content has come."""
