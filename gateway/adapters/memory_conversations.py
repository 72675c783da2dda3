"""Where conversations stand, in one process: bounded, the least recently continued out first."""

from gateway.adapters.memory_lru import ByteLru
from gateway.domain.conversation import ConversationKey, Standing
from gateway.ports import Clock

BYTES_MAX = 16 * 1024 * 1024
"""Nearly thirty thousand conversations for a worker."""


class MemoryConversations:
    """Remember each conversation's last standing for its time."""

    def __init__(self, clock: Clock, *, bytes_max: int = BYTES_MAX) -> None:
        self._clock = clock
        self._entries: ByteLru[Standing] = ByteLru(bytes_max)

    async def get(self, key: ConversationKey) -> Standing | None:
        """Return the conversation's standing."""
        return self.find(key)

    def find(self, key: ConversationKey) -> Standing | None:
        """Return the same at once, for a store that asks elsewhere too."""
        return self._entries.get(_name(key), self._clock.now_s())

    def put(self, key: ConversationKey, standing: Standing, ttl_s: float) -> None:
        """Remember the standing for `ttl_s`."""
        self._entries.put(_name(key), standing, 0, self._clock.now_s() + ttl_s)

    async def aclose(self) -> None:
        """Nothing to close."""


def _name(key: ConversationKey) -> str:
    # The digest has a fixed length, so no two keys share a name.
    return key.digest + key.tenant
