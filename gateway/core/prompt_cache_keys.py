"""Keys that tell a provider which of its machines has computed a prompt's beginning.

A provider sends requests of one key and one beginning to one machine as long as they are few; beyond some fifteen a
minute it spreads them, and what was computed is lost to most. So a beginning that is asked for more often has several
keys, and each conversation stays with one of them.
"""

from collections import OrderedDict
from hashlib import blake2b
from typing import Final

from gateway.core.prefix_chain import Block

PER_MINUTE: Final = 12
"""Requests of one key. Conversations differ in how often they ask, so fewer than the fifteen of the providers."""
SCOPES_MAX: Final = 4_096
"""Beginnings that are counted; the one asked for least recently is forgotten, and has one key again."""
OPENING_BLOCKS: Final = 4
"""Blocks that name a beginning: providers keep nothing of less than 1,024 tokens, which is about as much."""
_MINUTE_S: Final = 60.0
_PERSON: Final = b"tg cache key"


class _Scope:
    __slots__ = ("began_s", "count", "shards")

    def __init__(self, now_s: float) -> None:
        self.began_s = now_s
        self.count = 0
        self.shards = 1


class PromptCacheKeys:
    """Counts one worker's requests, beginning by beginning. Times are monotonic seconds."""

    __slots__ = ("_scopes",)

    def __init__(self) -> None:
        self._scopes: OrderedDict[Block, _Scope] = OrderedDict()

    def key_for(self, opening: Block, conversation: bytes, now_s: float) -> str:
        """Return the key of a request that begins like this, and belongs to that conversation."""
        scope = self._scopes.get(opening)
        if scope is None:
            scope = self._scopes[opening] = _Scope(now_s)
            if len(self._scopes) > SCOPES_MAX:
                self._scopes.popitem(last=False)
        else:
            self._scopes.move_to_end(opening)
        if now_s - scope.began_s >= _MINUTE_S:
            # By the last whole minute, so that a conversation keeps its key while it is asked as often as before.
            minutes = (now_s - scope.began_s) / _MINUTE_S
            scope.shards = _shards(scope.count / minutes)
            scope.began_s, scope.count = now_s, 0
        scope.count += 1
        # A sudden rush is not waited out.
        scope.shards = max(scope.shards, _shards(scope.count))
        digest = blake2b(conversation, digest_size=8, person=_PERSON).digest()
        return f"{opening.hex()}-{int.from_bytes(digest) % scope.shards}"


def _shards(per_minute: float) -> int:
    """Return a power of two of keys: then one more splits each in two, and half of the conversations keep theirs."""
    shards = 1
    while per_minute > PER_MINUTE * shards:
        shards *= 2
    return shards
