"""What tokens cost, for the relative cost of one tier to another: public list prices of 2024, rounded."""

from dataclasses import dataclass
from typing import Final

from router_models.data import canonical_names, plain_name


@dataclass(frozen=True, slots=True)
class Price:
    """USD per million tokens of a model as one source names it, and what the figure rests on."""

    model: str
    source: str
    input: float
    output: float
    basis: str


_LIST: Final = "list price 2024"
_HOSTED: Final = "hosted list price 2024"
PRICES: Final = (
    Price("mistralai/Mixtral-8x7B-Instruct-v0.1", "routellm", 0.24, 0.24, "RouteLLM paper, flat per token"),
    Price("gpt-4-1106-preview", "routellm", 24.7, 24.7, "RouteLLM paper, flat per token"),
    Price("Meta-Llama-3.1-8B-Instruct", "zeroeval", 0.18, 0.18, _HOSTED),
    Price("Meta-Llama-3.1-70B-Instruct", "zeroeval", 0.88, 0.88, _HOSTED),
    Price("gpt-4o-mini-2024-07-18", "zeroeval", 0.15, 0.6, _LIST),
    Price("gpt-4o-2024-08-06", "zeroeval", 2.5, 10.0, _LIST),
    Price("claude-3-haiku-20240307", "zeroeval", 0.25, 1.25, _LIST),
    Price("claude-3-5-haiku-20241022", "zeroeval", 0.8, 4.0, _LIST),
    Price("claude-3-5-sonnet-20241022", "zeroeval", 3.0, 15.0, _LIST),
    Price("claude-3-opus-20240229", "zeroeval", 15.0, 75.0, _LIST),
    Price("gemini-1.5-flash-002", "mmlu_pro", 0.075, 0.3, _LIST),
    Price("gemini-1.5-pro-002", "mmlu_pro", 1.25, 5.0, _LIST),
    Price("mistral-7b-instruct-v0.3", "llmrouter", 0.2, 0.2, _HOSTED),
    Price("qwen2.5-7b-instruct", "llmrouter", 0.3, 0.3, _HOSTED),
    Price("gemma-2-9b-it", "llmrouter", 0.3, 0.3, _HOSTED),
    Price("llama-3.1-nemotron-51b-instruct", "llmrouter", 0.9, 0.9, "assumed, as models of that size"),
    Price("llama-3.3-nemotron-super-49b-v1", "llmrouter", 0.9, 0.9, "assumed, as models of that size"),
)
"""Names of one model that are joined by references.json need a price once."""


def list_prices() -> dict[str, tuple[float, float]]:
    """Return USD per million input and output tokens of each reference that has a price."""
    canonical = canonical_names()
    return {canonical[plain_name(price.model)]: (price.input, price.output) for price in PRICES}
