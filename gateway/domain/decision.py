"""Where a request goes, and why."""

from enum import StrEnum

from gateway.domain.ability import Z_95, Ability, Score, acceptance
from gateway.domain.conversation import ConversationNote
from gateway.domain.dial import Certificate
from gateway.domain.ids import RouteName, TierName
from gateway.domain.noun import noun


class ReasonCode(StrEnum):
    """Why a tier was chosen, or what removed it. One closed list: receipts, metrics and docs share it."""

    BEST_VALUE = "best_value"
    """Largest p − λ·cost among the able tiers."""
    STRONGEST_UNCERTIFIED = "strongest_uncertified"
    """The route's quality could not be certified and the policy says `when_uncertified: strongest`."""
    STRONGEST_UNKNOWN = "strongest_unknown"
    """The difficulty model knows nothing of the request and the route sends such requests to its strongest tier."""
    ONLY_ABLE = "only_able"
    """Every other tier was removed by a constraint."""
    PINNED_BY_ALIAS = "pinned_by_alias"
    """The model alias names a tier."""
    PINNED_BY_HEADER = "pinned_by_header"
    """The caller named a tier in `x-tiergate-tier` and the key allows it."""
    CONVERSATION_LOCKED = "conversation_locked"
    """A tool loop is open, and the tier that began it goes on with it."""
    CONVERSATION_KEPT = "conversation_kept"
    """The conversation stays with its tier: another is not worth the cached prefix, or not for long enough yet."""
    CONVERSATION_SWITCHED = "conversation_switched"
    """The conversation leaves its tier for a larger p − λ·cost, the loss of the cached prefix counted in."""
    CONTEXT_WINDOW = "context_window"
    """Prompt and answer do not fit into the tier's context."""
    TOOLS = "tools"
    """The request has tools, which the tier does not support."""
    VISION = "vision"
    """The request has images, which the tier does not support."""
    JSON_SCHEMA = "json_schema"
    """The request asks for an answer by a schema, which the tier does not support."""
    RESPONSES = "responses"
    """The request asks for what only servers of the Responses API do, and not all of the tier's are."""
    MESSAGES = "messages"
    """The request asks for what only servers of the Messages API do, and not all of the tier's are."""
    SYSTEMONE = "systemone"
    """The request asks typed questions by the System One API, which the tier does not answer."""
    DECISIONS = "decisions"
    """The request asks typed questions by OpenAI's Decisions API, which the tier does not answer."""
    RERANK = "rerank"
    """The request has documents to be put in order, which the tier does not do."""
    KEY_TIERS = "key_tiers"
    """The key's tenant may not use the tier."""
    COST = "cost"
    """The longest answer could cost more there than the caller's `x-tiergate-max-cost-usd`."""
    DEADLINE = "deadline"
    """The tier is not expected to answer within the time that the caller leaves."""
    BUDGET = "budget"
    """What is left of the tenant's budget does not cover the longest answer there."""
    STRONGEST_SHARE = "strongest_share"
    """The key's requests of the last hour have had their share of the route's strongest tier."""
    SLO = "slo"
    """The tier misses its objective, and this request is of the share that goes elsewhere. It is still tried last."""
    COST_STORM = "cost_storm"
    """The tier has as many requests meant for cheaper tiers under way as it may: a fifth of what it can hold."""
    UNHEALTHY = "unhealthy"
    """None of the tier's servers may be given requests now: they failed, or asked to be left alone."""
    FULL = "full"
    """Each of the tier's servers has as many requests, or tokens of prompts, as it may have at once."""


@noun
class Shortage:
    """Why no server of a tier may be given a request now, `unhealthy` or `full`, and when one may be again."""

    reason: ReasonCode
    retry_after_s: float


@noun
class TierView:
    """One tier as the decision saw it.

    `p` is P(acceptable). `value` is p − λ·cost, None for a tier that a constraint removed. The interval is computed
    when it is asked for: most requests are never looked at again.
    """

    tier: TierName
    p: float
    expected_cost_usd_nano: int
    value: float | None
    removed_by: ReasonCode | None
    ability: Ability
    score: Score

    @property
    def p_low(self) -> float:
        """Return the one-sided 95 % lower bound of `p`."""
        return acceptance(self.ability, self.score, shift=self._shift - Z_95 * self.ability.standard_error)

    @property
    def p_high(self) -> float:
        """Return the one-sided 95 % upper bound of `p`."""
        return acceptance(self.ability, self.score, shift=self._shift + Z_95 * self.ability.standard_error)

    @property
    def _shift(self) -> float:
        return self.score.shift_of(self.tier)


@noun
class Decision:
    """The ladder to climb: `ladder[0]` is tried first, the others in order when it fails.

    `dial` is λ, in probability per USD: how much chance of a good answer a dollar must buy. `certificate` is the
    route's, and `certified` says whether it has one. `conversation` is None for a request that goes on with none.
    """

    ladder: tuple[TierName, ...]
    reason: ReasonCode
    route: RouteName | None
    dial: float
    certified: bool
    score: Score
    views: tuple[TierView, ...]
    certificate: Certificate = Certificate.NONE
    conversation: ConversationNote | None = None
