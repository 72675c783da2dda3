"""Whether a conversation stays with its tier: never moved within a tool loop, otherwise moved where that pays.

A model server keeps the prefix that it has computed (and providers charge less for it), so a switch costs what the
cached prefix saved: its tokens at the full price instead of the cached one. A switch must gain more value than that,
and a margin. Going up needs nothing more, since an answer too weak is worse than a dear one; going down waits for two
turns in a row that a cheaper tier would have got, so that one easy remark does not move a hard conversation.

A tier that a constraint or its health removed holds nobody. A failed attempt may climb the ladder whatever is locked.
"""

from collections.abc import Sequence
from hashlib import blake2b

from gateway.domain.conversation import ConversationKey, ConversationNote, ConversationTerms, Standing, Verdict
from gateway.domain.decision import ReasonCode
from gateway.domain.identity import CacheScope
from gateway.domain.ids import TierName
from gateway.domain.money import USD_NANO_PER_USD, usd_nano_of
from gateway.domain.noun import noun
from gateway.domain.tier import Tier

EASY_TURNS = 2
"""So many turns in a row must be easy before a conversation goes down."""

CUT_BELOW = 0.5
"""A prompt shorter than this share of the prefix is another one: its history was cut or rewritten."""

_DIGEST_BYTES = 16
_PERSON = b"tg conversation"
_PROMISED = frozenset({ReasonCode.STRONGEST_UNCERTIFIED, ReasonCode.STRONGEST_UNKNOWN})
"""The route promises the strongest tier for these, whatever its value."""


@noun
class Turn:
    """A request as a turn of a conversation that has a standing."""

    standing: Standing
    terms: ConversationTerms
    is_in_tool_loop: bool
    input_tokens: int


@noun
class Choice:
    """What would be chosen without a conversation: positions among the tiers, the values, and why.

    `able` are the positions that no constraint removed; `dial` is λ in probability per USD.
    """

    able: Sequence[int]
    values: Sequence[float]
    chosen: int
    reason: ReasonCode
    dial: float


def conversation_key(scope: CacheScope, identity: bytes) -> ConversationKey:
    """Return where the conversation of this identity has its standing: only who knows the tenant's secret can tell."""
    digest = blake2b(identity, digest_size=_DIGEST_BYTES, key=scope.secret, person=_PERSON)
    return ConversationKey(scope.tenant, digest.hexdigest())


def is_current(standing: Standing, terms: ConversationTerms, wall_s: float) -> bool:
    """Tell whether a standing still counts: a conversation that rested for too long begins anew."""
    return terms.idle_reset_s is not None and wall_s - standing.at_s < terms.idle_reset_s


def held(turn: Turn | None) -> TierName | None:
    """Return the tier that an open tool loop holds a request to, if one does."""
    is_locked = turn is not None and turn.is_in_tool_loop and turn.terms.lock_in_tool_loop
    return turn.standing.tier if turn is not None and is_locked else None


def weigh(turn: Turn, tiers: Sequence[Tier], choice: Choice) -> tuple[int, ReasonCode, ConversationNote]:
    """Return the position to choose, the reason, and what the conversation did to it."""
    standing = turn.standing
    kept = next((position for position in choice.able if tiers[position].name == standing.tier), None)
    # A client that shortens its history within a tool loop still waits for the answer of the tier that called the tool.
    is_another = held(turn) is None and turn.input_tokens < CUT_BELOW * standing.prefix_tokens
    if kept is None or is_another:
        note = ConversationNote(Verdict.RELEASED, standing.tier, standing.prefix_tokens, 0, 0.0, 0.0, 0)
        return choice.chosen, choice.reason, note
    price = tiers[kept].price
    loss_usd_nano = usd_nano_of(
        standing.prefix_tokens * max(0, price.input_usd_pico - price.cached_input_usd_pico),
    )
    needed = choice.dial * (loss_usd_nano / USD_NANO_PER_USD) + turn.terms.switch_margin
    gain = choice.values[choice.chosen] - choice.values[kept]
    verdict, easy_turns = _judge(turn, choice, kept, gain > needed)
    note = ConversationNote(verdict, standing.tier, standing.prefix_tokens, loss_usd_nano, gain, needed, easy_turns)
    if verdict is Verdict.LOCKED:
        return kept, ReasonCode.CONVERSATION_LOCKED, note
    if verdict is Verdict.KEPT:
        return kept, ReasonCode.CONVERSATION_KEPT, note
    is_move = verdict is Verdict.SWITCHED and choice.reason is ReasonCode.BEST_VALUE
    return choice.chosen, ReasonCode.CONVERSATION_SWITCHED if is_move else choice.reason, note


def _judge(turn: Turn, choice: Choice, kept: int, pays: bool) -> tuple[Verdict, int]:
    """Return the verdict, and the easy turns in a row with this one."""
    if held(turn) is not None:
        # Its steps are scored by the same user turn, so they say nothing new of how hard the conversation is.
        return Verdict.LOCKED, turn.standing.easy_turns
    if choice.chosen == kept:
        return Verdict.SAME, 0
    if choice.reason in _PROMISED:
        return Verdict.SWITCHED, 0
    if choice.chosen > kept:
        return (Verdict.SWITCHED if pays else Verdict.KEPT), 0
    easy_turns = turn.standing.easy_turns + 1
    if pays and easy_turns >= EASY_TURNS and not turn.is_in_tool_loop:
        return Verdict.SWITCHED, 0
    return Verdict.KEPT, easy_turns
