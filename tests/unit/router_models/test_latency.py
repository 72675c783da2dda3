"""Quoting the times that were measured of the served stages."""

import json
from pathlib import Path

import pytest

from router_models.data import DataError
from router_models.latency import served
from router_models.report import Verdict

TOLD = [
    {"stage": "folded", "text": "2 kB", "p50_us": 21.0, "p99_us": 50.0, "p50_limit_us": 25, "p99_limit_us": 0},
    {"stage": "folded", "text": "50 kB", "p50_us": 300.0, "p99_us": 400.0, "p50_limit_us": 250, "p99_limit_us": 0},
    {"stage": "static", "text": "8 kB", "p50_us": 200.0, "p99_us": 300.0, "p50_limit_us": 0, "p99_limit_us": 3_000},
    {
        "stage": "encoder",
        "text": "128 tokens",
        "p50_us": 900.0,
        "p99_us": 7_000.0,
        "p50_limit_us": 0,
        "p99_limit_us": 0,
    },
]
CELLS = [{**cell, "loop_us": 5.0} for cell in TOLD]


def test_each_time_stands_beside_its_limit_or_the_aims(tmp_path: Path) -> None:
    path = tmp_path / "latency.json"
    path.write_text(json.dumps({"machine": "a machine", "cells": CELLS}), "utf-8")
    part = served(path)
    assert [line.verdict for line in part.lines] == [Verdict.GOAL, Verdict.MISSED, Verdict.GOAL, Verdict.MOONSHOT]
    assert part.lines[3].figure == "p50 0.900 ms, p99 7.000 ms"
    (table,) = part.tables
    assert table.rows[0] == ("folded", "2 kB", "21.0", "50.0", "25", "", "5.0")
    assert "a machine" in table.title
    path.write_text(json.dumps({"machine": "a machine", "cells": TOLD}), "utf-8")
    assert served(path).tables[0].rows[0][-1] == ""


def test_a_file_without_the_encoder_says_how_to_get_its_time(tmp_path: Path) -> None:
    path = tmp_path / "latency.json"
    path.write_text(json.dumps({"machine": "a machine", "cells": CELLS[:3]}), "utf-8")
    *_, line = served(path).lines
    assert (line.verdict, line.router) == (Verdict.NOT_RUN, "encoder")
    assert "encoder build" in line.figure
    assert "load_tests scoring" in line.figure


@pytest.mark.parametrize("text", ["{}", "no JSON", '{"machine": "x", "cells": [{}]}'])
def test_another_file_is_refused_with_what_to_run(tmp_path: Path, text: str) -> None:
    path = tmp_path / "latency.json"
    path.write_text(text, "utf-8")
    with pytest.raises(DataError, match="python -m load_tests scoring"):
        served(path)


def test_without_a_file_nothing_is_said_to_be_reached() -> None:
    (line,) = served(None).lines
    assert line.verdict is Verdict.NOT_RUN
