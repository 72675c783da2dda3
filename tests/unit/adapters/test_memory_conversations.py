"""Where conversations stand in one process: bounded. The contract of all stores is in tests/contract."""

from gateway.adapters.memory_conversations import MemoryConversations
from gateway.adapters.memory_lru import ENTRY_OVERHEAD_BYTES
from gateway.domain.conversation import ConversationKey, Standing
from gateway.domain.ids import EndpointId, TenantId, TierName
from tests.support.clocks import ManualClock


def a_key(number: int) -> ConversationKey:
    return ConversationKey(TenantId("alice"), f"{number:032x}")


async def test_the_conversation_that_rested_longest_is_forgotten_first() -> None:
    store = MemoryConversations(ManualClock(), bytes_max=2 * ENTRY_OVERHEAD_BYTES)
    standing = Standing(TierName("small"), EndpointId("small/0"), 100, 0, 1.0)
    for number in (1, 2):
        store.put(a_key(number), standing, 60.0)
    assert await store.get(a_key(1)) == standing
    store.put(a_key(3), standing, 60.0)
    assert [await store.get(a_key(number)) is not None for number in (1, 2, 3)] == [True, False, True]
