"""How a small world's texts become numbers: word pieces of its own, and pools as an encoder might give them."""

from typing import Final

import numpy as np

from router_models.data import Floats, Outcomes
from router_models.static_table import StaticTable, learn_space
from router_models.texts import Reader, piece_ids
from tests.support.routing_world import EASY, HARD

VOCABULARY: Final = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", *EASY, *HARD)
POOL: Final = 24


def pools_of(world: Outcomes, seed: int = 3) -> Floats:
    """Return texts x `POOL`: sums of a random vector for each word, of length 1."""
    vectors = np.random.default_rng(seed).normal(0, 1, (len(VOCABULARY), POOL)).astype(np.float32)
    ids = piece_ids(VOCABULARY, [query.prompt for query in world.queries])
    sums = np.stack([vectors[each].sum(axis=0) for each in ids])
    lengths: Floats = np.linalg.norm(sums, axis=1, keepdims=True)
    return (sums / lengths).astype(np.float32)


def a_reader(pools: Floats, seed: int = 4) -> Reader:
    """Return a reader whose table knows the world's words."""
    space = learn_space(pools)
    table = np.random.default_rng(seed).normal(0, 1, (len(VOCABULARY), space.axes.shape[1])).astype(np.float32)
    mean: Floats = pools.mean(axis=0)
    scale: Floats = pools.std(axis=0)
    return Reader(VOCABULARY, StaticTable(table), space, mean, scale)
