"""How a prompt begins, block by block."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.prefix_chain import BLOCK_BYTES, BLOCKS_MAX, CHAIN_FROM_BYTES, NO_CHAIN, PrefixChain, chain_of

KEY, OTHER_KEY = b"one tenant", b"another"


def common(one: PrefixChain, other: PrefixChain) -> int:
    return sum(mine == theirs for mine, theirs in zip(one.blocks, other.blocks, strict=False))


@given(st.integers(0, 5 * BLOCK_BYTES), st.integers(0, 5 * BLOCK_BYTES), st.integers(0, 5 * BLOCK_BYTES))
def test_prompts_have_as_many_names_in_common_as_whole_blocks_and_all_of_them_in_front(
    shared: int, mine: int, theirs: int
) -> None:
    beginning = bytes(index % 251 for index in range(shared))
    one = chain_of(beginning + b"m" * mine, KEY, 1)
    other = chain_of(beginning + b"t" * theirs, KEY, 1)
    expected = min(shared // BLOCK_BYTES, len(one.blocks), len(other.blocks))
    assert common(one, other) == expected
    assert one.blocks[:expected] == other.blocks[:expected]


def test_a_block_that_differs_gives_other_names_to_all_that_follow() -> None:
    one = chain_of(b"a" * BLOCK_BYTES + b"x" * 4 * BLOCK_BYTES, KEY, 1)
    other = chain_of(b"b" * BLOCK_BYTES + b"x" * 4 * BLOCK_BYTES, KEY, 1)
    assert common(one, other) == 0
    assert len(set(one.blocks)) == 5, "equal blocks at other places have other names"


def test_under_another_key_nothing_is_in_common() -> None:
    prompt = b"x" * 3 * BLOCK_BYTES
    assert common(chain_of(prompt, KEY, 1), chain_of(prompt, OTHER_KEY, 1)) == 0
    assert chain_of(prompt, KEY, 1) == chain_of(prompt, KEY, 1)


def test_short_prompts_have_no_names_and_of_long_ones_the_rest_has_none() -> None:
    assert chain_of(b"x" * (CHAIN_FROM_BYTES - 1), KEY, 500) == NO_CHAIN
    assert len(chain_of(b"x" * CHAIN_FROM_BYTES, KEY, 500).blocks) == 2
    assert len(chain_of(b"x" * (BLOCKS_MAX + 7) * BLOCK_BYTES, KEY, 500).blocks) == BLOCKS_MAX


def test_tokens_are_shared_out_over_the_blocks() -> None:
    chain = chain_of(b"x" * 10 * BLOCK_BYTES, KEY, 2_560)
    assert chain.block_tokens == pytest.approx(256.0)
    assert (chain.tokens(3), chain.blocks_in(768), chain.blocks_in(767), chain.blocks_in(99_999)) == (768, 3, 2, 10)
    assert NO_CHAIN.blocks_in(768) == 0
