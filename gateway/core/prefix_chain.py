"""How a prompt begins, block by block: what two prompts with the same beginning have in common.

Each block of 1,024 bytes is named by a digest of everything up to its end. So equal names mean equal beginnings, and a
model server that has computed one block has computed all before it. Names are keyed: nobody who lacks the key can
find a prompt by guessing it, and prompts under different keys have no name in common.

54 blocks take 0.10 ms; hashing each block after the name of the one before it would take 0.18, for the same property.
"""

from functools import lru_cache
from hashlib import blake2b
from typing import Final

from gateway.domain.noun import noun

BLOCK_BYTES: Final = 1_024
BLOCKS_MAX: Final = 512
"""Of a longer prompt the rest is nameless: half a megabyte is more than most models read, and takes a millisecond."""
CHAIN_FROM_BYTES: Final = 2 * BLOCK_BYTES
"""A shorter prompt is not worth a name: servers keep blocks of tokens, and save nothing worth having on one or two."""
_NAME_BYTES: Final = 8
_KEY_BYTES_MAX: Final = 64
_PERSON: Final = b"tg prefix"
_SALT_BYTES: Final = 16
_SALT_PERSON: Final = b"tg cache salt"

Block = bytes
"""The name of a block, 8 bytes. Of a billion blocks two have the same by chance with a probability of 3 %."""


@noun
class PrefixChain:
    """The names of a prompt's whole blocks, in order, and how many tokens of it each has, on average."""

    blocks: tuple[Block, ...]
    block_tokens: float

    def tokens(self, blocks: int) -> int:
        """Return how many tokens that many blocks have."""
        return int(blocks * self.block_tokens)

    def blocks_in(self, tokens: int) -> int:
        """Return how many whole blocks so many tokens fill."""
        return min(len(self.blocks), int(tokens / self.block_tokens)) if self.block_tokens > 0.0 else 0


NO_CHAIN: Final = PrefixChain((), 0.0)


def chain_of(prompt: bytes, key: bytes, prompt_tokens: int) -> PrefixChain:
    """Name the whole blocks of a serialised prompt of that many tokens. `key` has at most 64 bytes."""
    if len(prompt) < CHAIN_FROM_BYTES:
        return NO_CHAIN
    running = blake2b(digest_size=_NAME_BYTES, key=key[:_KEY_BYTES_MAX], person=_PERSON)
    update, digest = running.update, running.digest
    blocks: list[Block] = []
    end = min(len(prompt) // BLOCK_BYTES, BLOCKS_MAX) * BLOCK_BYTES
    for at in range(0, end, BLOCK_BYTES):
        update(prompt[at : at + BLOCK_BYTES])
        blocks.append(digest())
    return PrefixChain(tuple(blocks), prompt_tokens * BLOCK_BYTES / len(prompt))


@lru_cache(maxsize=4_096)
def cache_salt(secret: bytes) -> str:
    """Return the salt under which a tenant's prompts are kept by servers that take one."""
    return blake2b(digest_size=_SALT_BYTES, key=secret[:_KEY_BYTES_MAX], person=_SALT_PERSON).hexdigest()
