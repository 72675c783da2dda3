"""A small world of labelled question pairs, made of templates, in the files that training reads."""

import gzip
import json
from pathlib import Path
from random import Random
from typing import Any

THINGS = ("bread", "soup", "rice", "cake", "pasta", "curry", "salad", "stew", "pizza", "jam")
DOINGS = ("cook", "freeze", "store", "serve", "season", "reheat")
PLACES = ("Rome", "Oslo", "Lima", "Cairo", "Delhi", "Paris")
SAME = (
    "How do I {do} {thing} in {place}?",
    "What is the best way to {do} {thing} in {place}?",
    "How can I {do} {thing} in {place}?",
)


def a_pair(chance: Random) -> tuple[str, str, int]:
    """Return two questions, and 1 where they ask the same."""
    what = {"do": chance.choice(DOINGS), "thing": chance.choice(THINGS), "place": chance.choice(PLACES)}
    other, label = dict(what), chance.randrange(2)
    if not label:
        part, choices = chance.choice((("do", DOINGS), ("thing", THINGS), ("place", PLACES)))
        other[part] = chance.choice([each for each in choices if each != what[part]])
    return chance.choice(SAME).format(**what), chance.choice(SAME).format(**other), label


def write_pairs(folder: Path, pairs: int = 600, seed: int = 1) -> Path:
    """Write question pairs, edits and intents below a folder, and return it."""
    chance = Random(seed)
    questions = []
    for number in range(pairs):
        first, second, label = a_pair(chance)
        split = ("train", "train", "calib", "test")[number % 4]
        # A number of its own keeps a question in one split.
        first, second = (f"{text[:-1]} with oven {number}?" for text in (first, second))
        questions.append({"id": str(number), "a": first, "b": second, "label": label, "split": split})
    edits = []
    for number in range(pairs // 2):
        first, _, _ = a_pair(chance)
        kind, family, label = (("number-edit", "numbers", 0), ("typo", "typos", 1), ("NER", "places", 0))[number % 3]
        edited = {
            "number-edit": f"{first[:-1]} for {number + 1}?",
            "typo": first.replace("o", "oo", 1),
            "NER": first[:-1] + " or Tokyo?",
        }[kind]
        original = f"{first[:-1]} for {number}?" if kind == "number-edit" else first
        split = ("train", "calib", "test")[number // 3 % 3]
        edits.append({"a": original, "b": edited, "label": label, "split": split, "capability": kind, "test": family})
    intents = [{"text": f"{a_pair(chance)[0]}", "intent": f"i{at % 4}", "split": "test"} for at in range(80)]
    intents.append({"text": "none of these", "intent": "oos", "split": "test"})
    for name, rows in (
        ("qqp_pairs", questions),
        ("adversarial_pairs", edits),
        ("banking77", intents),
        ("clinc150", intents),
    ):
        _write(folder / "cache" / f"{name}.jsonl.gz", rows)
    return folder


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
