"""Every alternative, on the small world that has the names of the public data."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from router_models import chances, three_tiers, two_tiers
from router_models.evaluate import PROTOCOLS, evaluate
from router_models.report import Line, Part
from router_models.tried.attempt import LEAST_TRIED, Missed
from router_models.tried.run import TRIES, tried
from router_models.tried.workshop import Workshop, goal_of
from tests.support.routing_bench import a_bench

WHOLE = ("R1", "R2", "R3", "R4", "R6", "R7", "R11")
"""Protocols all of whose goals have alternatives; of the others the small world misses what the public data do not."""
pytestmark = pytest.mark.xdist_group("fits")
"""What is fitted for all of them takes a minute: one worker does it, for the others."""

LIMITS = {"p99_us": 9e9, "p99_limit_us": 0, "loop_us": 5.0}
SLOW = {
    "machine": "a test",
    "cells": [
        {"stage": "folded", "text": "2 kB", "p50_us": 9e9, "p50_limit_us": 25, **LIMITS},
        {"stage": "folded", "text": "50 kB", "p50_us": 1.0, "p50_limit_us": 250, **LIMITS},
    ],
}


@pytest.fixture(scope="module", autouse=True)
def few_resamples() -> Iterator[None]:
    """Spare half of the time: how wide intervals are is for the tests of what makes them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(three_tiers, "RESAMPLES", 20)
        patch.setattr(chances, "RESAMPLES", 20)
        patch.setattr(two_tiers, "RESAMPLES", 20)
        yield


@pytest.fixture(scope="module")
def lines(kept: Path, evaluated: Part) -> tuple[Line, ...]:
    """Return what all protocols find where the latencies of stages have been measured."""
    timed = evaluate(shop_of(kept, [], ()).bench, ["R11"], lambda _: None).lines
    others = [line for line in evaluated.lines if line.protocol != "R11"]
    return tuple(sorted([*others, *timed], key=lambda line: list(PROTOCOLS).index(line.protocol)))


@pytest.fixture(scope="module")
def found(kept: Path, lines: tuple[Line, ...]) -> dict[str, list[Missed]]:
    return dict(tried(shop_of(kept, [], lines), list(TRIES)))


def shop_of(kept: Path, told: list[str], lines: tuple[Line, ...]) -> Workshop:
    latency = kept / "latency.json"
    latency.write_text(json.dumps(SLOW), "utf-8")
    return Workshop(a_bench(kept, told.append, latency), lines)


def test_alternatives_are_of_protocols(found: dict[str, list[Missed]]) -> None:
    assert set(TRIES) < set(PROTOCOLS)
    assert list(found) == list(TRIES)
    assert all(each.protocol == name for name, missed in found.items() for each in missed)


def test_every_goal_that_all_miss_has_its_tries_and_what_bounds_it(
    kept: Path, lines: tuple[Line, ...], found: dict[str, list[Missed]]
) -> None:
    shop = shop_of(kept, [], lines)
    assert sum(map(len, found.values())) >= 8
    for name, missed in found.items():
        assert {each.measured for each in missed} <= set(shop.missed(name))
        if name in WHOLE:
            assert {each.measured for each in missed} == set(shop.missed(name)), name
        for each in missed:
            assert len(each.attempts) >= LEAST_TRIED, each.measured
            assert len({one.tried for one in each.attempts}) == len(each.attempts)
            assert all(one.figure for one in each.attempts)
            assert each.bounds
            assert all(bound.endswith(".") for bound in each.bounds)


def test_a_second_run_fits_nothing_that_was_kept(
    kept: Path, lines: tuple[Line, ...], found: dict[str, list[Missed]]
) -> None:
    told: list[str] = []
    again = dict(tried(shop_of(kept, told, lines), ["R1"]))
    figures = [[one.figure for one in each.attempts] for each in again["R1"]]
    assert figures == [[one.figure for one in each.attempts] for each in found["R1"]]
    assert not any("fit on" in note or note.startswith("mmlu") for note in told)


def test_without_the_shipped_fits_figures_stand_beside_those_of_the_card(
    tmp_path: Path, lines: tuple[Line, ...]
) -> None:
    told: list[str] = []
    ((_, (missed,)),) = tried(shop_of(tmp_path, told, lines), ["R4"])
    assert not any("fit on" in note for note in told)
    (shipped, *_) = [line for line in lines if goal_of(line) == missed.measured]
    assert missed.shipped == f"{shipped.router} {shipped.figure}"
    for each in missed.attempts:
        assert float(each.lead) == pytest.approx(float(each.figure[:5]) - float(shipped.figure[:5]), abs=0.0011)
