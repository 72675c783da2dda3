"""For which questions an answer to the same question in other words is looked for, and among which others.

Partition by who asks, match exactly on everything but the question, compare by likeness only the question: whoever
embeds a tenant's name with the text, or compares whole conversations, answers one user with another's answer.
"""

import hmac
from typing import Final

from gateway.core.words import words_of
from gateway.domain.identity import CacheScope
from gateway.domain.request import CanonicalRequest, Need, Operation
from gateway.domain.semantic import SemanticBar, SemanticScope, SemanticTerms

TEXT_CHARS_MAX: Final = 512
"""A longer turn holds a document, or several questions. Two prompts with the same long text and different questions
behind it have a cosine of 1 as soon as an encoder's window cuts the questions off."""

_VERSION: Final = b"tiergate semantic scope 1\x00"
"""Raise the number when what is held to be the same scope changes: older entries are then never found again."""

_VOLATILE: Final = frozenset(
    b"today tonight tomorrow yesterday now nowadays currently current latest newest recent recently upcoming ongoing "
    b"lately weather forecast headlines breaking live".split()
)
_VOLATILE_PHRASES: Final = (
    b" this week ", b" this month ", b" this year ", b" this morning ", b" this season ", b" last week ",
    b" last month ", b" last year ", b" last night ", b" next week ", b" next month ", b" next year ", b" so far ",
    b" at the moment ", b" these days ", b" as of ", b" what time is it ", b" what date is it ", b" what day is it ",
    b" stock price ", b" exchange rate ", b" up to date ",
)  # fmt: skip
_OWN: Final = frozenset(b"my our mine ours".split())
_OWNED: Final = frozenset(
    b"account accounts address appointment appointments balance bill bills booking bookings calendar card cart claim "
    b"contract delivery email emails flight inbox invoice invoices messages meeting meetings order orders package "
    b"parcel password payment payments pin plan policy profile purchase refund reservation salary schedule shipment "
    b"statement subscription ticket tickets transaction transactions transfer trip".split()
)
"""What one person has and another has not, where a question speaks of "my" such."""
_TO_DO: Final = frozenset((b"to", b"do", b"does", b"can", b"could", b"should", b"would"))
_NEW: Final = frozenset(
    b"another again brainstorm random regenerate rephrase reword rewrite poem poems haiku limerick sonnet lyrics joke "
    b"jokes story stories riddle song songs slogan slogans tagline taglines".split()
)
_NEW_PHRASES: Final = (
    b" something else ", b" something different ", b" a different ", b" surprise me ", b" one more ", b" write me ",
    b" come up with ", b" make up ", b" imagine ", b" pretend ", b" more ideas ",
)  # fmt: skip


def bar_to_compare(request: CanonicalRequest, question: str | None, terms: SemanticTerms) -> SemanticBar | None:
    """Return why a question is not compared with others, or None when it is; it is None where it is no single text."""
    if request.operation is not Operation.CHAT:
        return SemanticBar.OPERATION
    if request.in_tool_loop or (Need.TOOLS in request.needs and not terms.tools):
        return SemanticBar.TOOLS
    if question is None:
        return SemanticBar.TURN
    if len(question) > TEXT_CHARS_MAX:
        return SemanticBar.TOO_LONG
    words = words_of(question)
    if not words:
        return SemanticBar.EMPTY
    distinct = set(words)
    spaced = b" " + b" ".join(words) + b" "
    if not distinct.isdisjoint(_VOLATILE) or any(phrase in spaced for phrase in _VOLATILE_PHRASES):
        return SemanticBar.VOLATILE
    if not distinct.isdisjoint(_OWN) and not distinct.isdisjoint(_OWNED) and not _asks_how_to(words):
        return SemanticBar.VOLATILE
    if not distinct.isdisjoint(_NEW) or any(phrase in spaced for phrase in _NEW_PHRASES):
        return SemanticBar.CREATIVE
    return None


def _asks_how_to(words: list[bytes]) -> bool:
    """Tell whether a question asks how something is done, which is the same for all who have such a thing."""
    return len(words) > 1 and words[0] == b"how" and words[1] in _TO_DO


def semantic_scope(scope: CacheScope, context: bytes, epoch: bytes, judged_by: str) -> SemanticScope:
    """Return the partition of requests that differ in their last user turn alone.

    `context` is everything else of the request, `epoch` the route's, and `judged_by` names the embedder and the
    verifier with their versions. The length of each but the last stands before it, so that no two are mistaken.
    """
    judge = judged_by.encode()
    whole = _VERSION + len(epoch).to_bytes(4) + epoch + len(judge).to_bytes(4) + judge + context
    return SemanticScope(scope.tenant, hmac.digest(scope.secret, whole, "sha256").hex())
