"""The small world with the names, sources and subjects of the public data, ready for the protocols."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from router_models.benchmarks import LADDERS, STRONG, WEAK
from router_models.data import Outcomes
from router_models.fits import Fits
from router_models.low_rank import Settings
from router_models.texts import Texts
from router_models.workbench import Bench
from tests.support.routing_texts import a_reader, pools_of
from tests.support.routing_world import a_world

QUICK = Settings(latent=2, iterations=10)
SEED = 3
COLUMN = {
    WEAK: 0,
    STRONG: 4,
    **{name: at for ladder in LADDERS for at, name in zip((0, 2, 4), ladder.tiers, strict=True)},
}
"""Which of the world's five models each name stands for."""
PLACES = (("routellm", "mmlu"), ("routellm", "gsm8k"), ("zeroeval", "crux"), ("mmlu_pro", "mmlu_pro"))
PRICES = {name: (1.0, (1.0, 2.0, 3.0, 20.0, 30.0)[at]) for name, at in COLUMN.items()}


def a_named_world(queries: int = 1_600) -> Outcomes:
    """Return the world with all compared models, each of which answered everything."""
    world = a_world(queries)
    columns = list(COLUMN.values())
    named = tuple(
        replace(query, source=source, dataset=dataset, category=f"subject {at % 11}")
        for at, query in enumerate(world.queries)
        for source, dataset in [PLACES[at % len(PLACES)]]
    )
    return replace(
        world,
        queries=named,
        references=tuple(COLUMN),
        score=world.score[:, columns],
        seen=np.ones((queries, len(columns)), bool),
        output_tokens=world.output_tokens[:, columns],
    )


class Reading:
    """Reads further texts with the small world's reader; counts them."""

    def __init__(self, outcomes: Outcomes) -> None:
        self.reader = a_reader(pools_of(outcomes))
        self.texts = 0

    def __call__(self, texts: Sequence[str], *, with_encoder: bool) -> Texts:
        self.texts += len(texts)
        pools = np.zeros((len(texts), len(self.reader.mean)), np.float32)
        return self.reader.read(texts, pools if with_encoder else None)


def a_bench(directory: Path, note: Callable[[str], None], latency: Path | None = None) -> Bench:
    """Return what the protocols work on; fits are kept below the directory."""
    outcomes = a_named_world()
    reading = Reading(outcomes)
    texts = reading.reader.read([query.prompt for query in outcomes.queries], pools_of(outcomes))
    return Bench(Fits(outcomes, texts, QUICK, SEED, directory, note), PRICES, reading, latency, SEED)
