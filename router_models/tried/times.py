"""R11: what the first stage's time goes into, beside plain loops of the same interpreter in the same minute."""

from collections.abc import Callable
from time import perf_counter_ns
from typing import Final

import numpy as np

from gateway.core.features import extract
from gateway.core.plain_text import HEAD_CHARS, TAIL_CHARS, ends_of, turn_text
from gateway.core.words import WORD_TABLE
from router_models.latency import Cell, read_times
from router_models.tried.attempt import Attempt, Missed
from router_models.tried.workshop import Workshop
from router_models.workbench import Bench

CHARS: Final = 2_000
TEXTS: Final = 64
ROUNDS: Final = 2_000
WIDTH: Final = 10
"""Numbers in a word's row of the folded table: its position, its squared weight, and one."""
LOOP: Final = 200
"""Additions in the loop that is timed beside."""
STAGE: Final = "folded"


def r11(shop: Workshop) -> list[Missed]:
    """Time the parts of the first stage, and what would remain with less of them."""
    bench = shop.bench
    if bench.latency is None or not bench.latency.is_file():
        return []
    _, cells = read_times(bench.latency)
    slow = (each for each in cells if each.stage == STAGE and each.p50_us > each.p50_limit_us > 0)
    return [_missed(bench, each, bench.latency.name) for each in slow]


def _missed(bench: Bench, shipped: Cell, file: str) -> Missed:
    texts = _texts(bench)
    rows = {word: bytes(4 * WIDTH) for each in texts for word in extract(each).words}
    loop_us = _median_us(lambda _: _loop(), texts)
    steps: dict[str, Callable[[str], object]] = {
        "the features alone, without the table": extract,
        "words of the text as it stands and the table, without shape or canonical text": lambda each: _summed(
            _words(each), rows
        ),
        "the same of half as much text": lambda each: _summed(_words(_less(each)), rows),
        "the canonical turn alone": lambda each: turn_text(each, ""),
    }
    attempts = []
    for name, step in steps.items():
        bench.note(f"R11: {name}")
        taken_us = _median_us(step, texts)
        attempts.append(
            Attempt(
                name, f"p50 {taken_us:.1f} µs, {taken_us / loop_us:.1f} loops", f"{taken_us - shipped.p50_us:+.1f} µs"
            )
        )
    bound = (
        f"The machine: a loop of {LOOP} additions takes {loop_us:.1f} µs in the median here, and all parts above grow "
        f"with it. Timed by `python -m router_models tried` beside whatever else runs; the shipped figure is that of "
        f"`python -m load_tests scoring` ({file})."
    )
    goal = f"p50 ≤ {shipped.p50_limit_us:g} µs"
    return Missed("R11", f"{STAGE}, {shipped.text}", goal, f"{STAGE} p50 {shipped.p50_us:.1f} µs", attempts, (bound,))


def _texts(bench: Bench) -> list[str]:
    """Return texts of the size that is timed, made of the data's prompts."""
    rows = np.random.default_rng(bench.seed).permutation(len(bench.outcomes.queries))
    joined = "\n".join(bench.outcomes.queries[row].prompt for row in rows[: 16 * TEXTS])
    size = min(CHARS, len(joined) // TEXTS)
    return [joined[at * size : (at + 1) * size] for at in range(TEXTS)]


def _median_us(step: Callable[[str], object], texts: list[str]) -> float:
    taken = []
    for round_ in range(ROUNDS):
        text = texts[round_ % len(texts)]
        start = perf_counter_ns()
        step(text)
        taken.append(perf_counter_ns() - start)
    return float(np.median(taken)) / 1_000


def _loop() -> int:
    total = 0
    for number in range(LOOP):
        total += number
    return total


def _less(text: str) -> str:
    return text[: HEAD_CHARS // 2] + text[-TAIL_CHARS // 2 :]


def _words(text: str) -> frozenset[bytes]:
    return frozenset(ends_of(text)[0].translate(WORD_TABLE).split())


def _summed(words: frozenset[bytes], rows: dict[bytes, bytes]) -> object:
    joined = b"".join([rows.get(word, bytes(4 * WIDTH)) for word in words])
    return np.frombuffer(joined, np.float32).reshape(-1, WIDTH).sum(axis=0)
