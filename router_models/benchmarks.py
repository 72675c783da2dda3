"""The pairs and ladders of models that are compared, and the queries on which they are."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from router_models.data import Mask, Outcomes

WEAK: Final = "mixtral-8x7b-instruct-v0.1"
STRONG: Final = "gpt-4-1106-preview"
TWO_TIER_SETS: Final = ("mmlu", "gsm8k", "mt_bench")
HELD_OUT: Final[Mapping[str, str]] = {"knowledge": "mmlu", "maths": "gsm8k", "chat": "mt_bench"}
"""The family left out of training, and the RouteLLM set that it is then tested on."""
OPTIONS_SETS: Final = ("arc_challenge", "openbook_qa", "commonsense_qa", "gpqa")
"""Further sets whose questions come with options; by the data's description they are of other families than MMLU."""


@dataclass(frozen=True, slots=True)
class LadderOf:
    """Three tiers on one source, cheapest first."""

    name: str
    source: str
    tiers: tuple[str, str, str]


LADDERS: Final = (
    LadderOf("ZeroEval, GPT-4o", "zeroeval", ("llama-3.1-8b-instruct", "gpt-4o-mini", "gpt-4o")),
    LadderOf("ZeroEval, Claude", "zeroeval", ("claude-3-haiku", "claude-3.5-haiku", "claude-3.5-sonnet")),
    LadderOf("MMLU-Pro, Gemini", "mmlu_pro", ("llama-3.1-8b-instruct", "gemini-1.5-flash-002", "gemini-1.5-pro-002")),
)


def two_tier_queries(outcomes: Outcomes, dataset: str) -> Mask:
    """Return RouteLLM's test queries of a data set, those its authors found contaminated left out."""
    return outcomes.where(source="routellm", dataset=dataset, contaminated=False)
