"""A small world of queries and models in which it is known what makes a query hard and a model able."""

import csv
import gzip
import io
import json
from pathlib import Path
from typing import Final

import numpy as np

from router_models.data import Outcomes, Query
from router_models.scientific import logistic

REFERENCES: Final = ("feeble", "modest", "fair", "able", "masterly")
ABILITIES: Final = (-1.5, -0.5, 0.5, 1.5, 2.5)
EASY: Final = tuple(f"plain{letter}" for letter in "abcdefgh")
HARD: Final = tuple(f"knott{letter}" for letter in "abcdefgh")
DATASETS: Final = ("mmlu", "gsm8k", "crux")


def a_world(queries: int = 900, seed: int = 7) -> Outcomes:
    """Draw queries of easy and hard words, and outcomes by sigmoid(ability - difficulty); half are not observed."""
    chance = np.random.default_rng(seed)
    hardness = chance.integers(0, 9, queries)
    drawn = [[*chance.choice(HARD, hard), *chance.choice(EASY, 8 - hard)] for hard in hardness]
    logits = np.array(ABILITIES) - (hardness[:, None] - 4) * 0.8
    score = (chance.random(logits.shape) < logistic(logits)).astype(np.float32)
    splits = chance.choice(("train", "valid", "test"), queries, p=(0.6, 0.2, 0.2))
    return Outcomes(
        queries=tuple(
            Query(f"q{at}", "made", DATASETS[at % 3], str(splits[at]), f"g{at}", False, " ".join(words))
            for at, words in enumerate(drawn)
        ),
        references=REFERENCES,
        score=score,
        seen=chance.random(logits.shape) < 0.5,
        output_tokens=np.full(logits.shape, 100.0, np.float32) * np.arange(1, 6, dtype=np.float32),
        digest="0" * 64,
    )


def write_data(directory: Path, outcomes: list[tuple[str, str, float, str]], queries: int = 3) -> None:
    """Write the files of a data directory with these (query, model, score, characters) outcomes."""
    room = directory / "routing"
    room.mkdir(parents=True)
    rows = [
        {"query_id": f"q{at}", "source": "routellm", "dataset": "mmlu", "category": None, "split": "train"}
        | {"group": f"g{at}", "contaminated": False, "prompt": f"question {at}"}
        for at in range(queries)
    ]
    with gzip.open(room / "queries.jsonl.gz", "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(["query_id", "model", "score", "output_chars"])
    writer.writerows(outcomes)
    (room / "outcomes.csv.gz").write_bytes(gzip.compress(text.getvalue().encode()))
    prices = "model,source,usd_per_m_input,usd_per_m_output,basis\ngpt-4o-2024-08-06,x,2.5,10,list\n"
    (room / "prices.csv").write_text(prices, "utf-8")
