"""The semantic stage of the cache: what is kept of an answered question, and what is found for one in other words."""

from enum import StrEnum

from gateway.domain.ids import TenantId
from gateway.domain.noun import noun


@noun
class SemanticTerms:
    """What a route's policy says of semantic hits.

    `max_wrong` is the share of wrong answers among them that is kept to, `shadow` the share of would-be hits that a
    model answers all the same, so that the two answers can be compared.
    """

    max_wrong: float
    ttl_s: float
    shadow: float
    tools: bool = False


@noun
class SemanticScope:
    """A hard partition: of one tenant, and of its requests those that differ in their last user turn alone.

    `digest` is a 32-byte HMAC-SHA256 in hexadecimal of all the rest.
    """

    tenant: TenantId
    digest: str


@noun
class SemanticEntry:
    """A question with an answer. `vector` holds int8 numbers in proportion to the question's embedding.

    `answer` is the digest of the exact key under which the answer lies; no scope has two entries with the same.
    `stored_at_s` is in seconds since the epoch; `ttl_s` counts from there, and no hit prolongs it.
    """

    answer: str
    text: str
    vector: bytes
    stored_at_s: float
    ttl_s: float


@noun
class Neighbour:
    """An entry near a question, and the cosine of their embeddings."""

    entry: SemanticEntry
    cosine: float


class SemanticBar(StrEnum):
    """Why no answer to another question was looked for."""

    NO_VERIFIER = "no_verifier"
    """The difficulty model in force came without what tells whether two questions have the same answer."""
    OPERATION = "operation"
    """Not a chat."""
    TURN = "turn"
    """The last message is not a user's, or is no single text."""
    EMPTY = "empty"
    """There are no words in it."""
    TOO_LONG = "too_long"
    """It is more than is compared whole."""
    TOOLS = "tools"
    """Tools are offered or under way, and the policy does not allow those."""
    VOLATILE = "volatile"
    """Its answer changes from day to day, or from one person to the next."""
    CREATIVE = "creative"
    """It asks for something new."""


class SemanticEnd(StrEnum):
    """What became of the look for an answer to the same question in other words."""

    BARRED = "barred"
    """None was looked for; the bar says why."""
    UNREAD = "unread"
    """The question has no embedding: what makes it failed, or is left alone for a while."""
    NOTHING = "nothing"
    """Nothing like it was asked in this scope."""
    REFUSED = "refused"
    """The nearest question is not certain enough to have the same answer."""
    GONE = "gone"
    """The answer could not be had any more, or is older than the client takes."""
    SHADOW = "shadow"
    """It would have been a hit, and was asked anew to compare the answers."""
    HIT = "hit"
    """The kept answer was given."""


@noun
class SemanticFinding:
    """What is told of that look. Numbers are of the best candidate, and None where there is none.

    `scope` is the digest of the question's, empty where it was not compared; `entry` is the candidate's answer's.
    `probability` is the verifier's for "the same answer", `threshold` what it must reach; None: nothing is served,
    since no threshold keeps the policy's bound. `differences` are its reasons for doubt, in words. `agrees` tells of
    a model's answer that was compared with the kept one whether they say the same.
    """

    end: SemanticEnd
    bar: SemanticBar | None = None
    scope: str = ""
    entry: str = ""
    age_s: float | None = None
    cosine: float | None = None
    probability: float | None = None
    threshold: float | None = None
    differences: tuple[str, ...] = ()
    agrees: bool | None = None
