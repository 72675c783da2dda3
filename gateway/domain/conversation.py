"""Conversations: which one a request goes on with, where that stands, and what this did to a decision."""

from enum import StrEnum

from gateway.domain.ids import EndpointId, TenantId, TierName
from gateway.domain.noun import noun


@noun
class ConversationKey:
    """Where a conversation's standing lies: the tenant's partition and a 16-byte keyed digest in hexadecimal."""

    tenant: TenantId
    digest: str


@noun
class Standing:
    """Where a conversation stands after its last answer. `at_s` is in seconds since the epoch.

    `prefix_tokens` is what the endpoint has seen of it and is likely to have kept. `easy_turns` counts the turns in a
    row for which a cheaper tier would have been chosen. `is_mixed` says that other tiers answered some of it.
    """

    tier: TierName
    endpoint: EndpointId
    prefix_tokens: int
    easy_turns: int
    at_s: float
    is_mixed: bool = False


@noun
class ConversationTerms:
    """What a route's policy says of conversations. `idle_reset_s` None follows none.

    `switch_margin` is the gain in value, in probability of an acceptable answer, that a switch must bring beyond what
    it costs.
    """

    lock_in_tool_loop: bool = True
    switch_margin: float = 0.1
    idle_reset_s: float | None = 1_800.0


DEFAULT_TERMS = ConversationTerms()


class Verdict(StrEnum):
    """What became of a conversation's tier."""

    SAME = "same"
    """It would have been chosen anyway."""
    LOCKED = "locked"
    """A tool loop is open, so nothing else was considered."""
    KEPT = "kept"
    """Another tier had the larger value, and not by enough, or not yet for long enough."""
    SWITCHED = "switched"
    """Another tier was worth it."""
    RELEASED = "released"
    """It could not take the request, or its prefix was lost anyway: the history was cut."""


@noun
class ConversationNote:
    """How a conversation weighed on a decision.

    `tier` is the one it had. `prefix_loss_usd_nano` prices the `prefix_tokens` that leaving it loses: at the full price
    instead of the cached one. `gain` is the value of what would have been chosen less that of `tier`; `gain_needed` is
    the loss in value and the margin. `easy_turns` counts this turn.
    """

    verdict: Verdict
    tier: TierName
    prefix_tokens: int
    prefix_loss_usd_nano: int
    gain: float
    gain_needed: float
    easy_turns: int
