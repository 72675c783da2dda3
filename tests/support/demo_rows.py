"""Rows of the demo with sensible values, of which a test states only what matters to it."""

from dataclasses import replace
from typing import Any

from gateway.app.demo_rows import Row

_ROW = Row(
    number=1,
    question="What is the capital of Portugal?",
    model="auto",
    stream=True,
    status=200,
    tier="nano",
    p={"nano": 0.9, "small": 0.95},
    why="best value",
    cache="miss",
    attempts=1,
    first_choice=None,
    ttft_ms=3.25,
    total_ms=120.0,
    input_tokens=40,
    output_tokens=60,
    charge_usd_nano=1_000,
    baseline_usd_nano=9_000,
    finish_reason="stop",
    request_id="r-1",
    text="Lisbon.",
    error=None,
)


def a_row(**changes: Any) -> Row:
    """Build the row of a plain, successful request, with these fields changed."""
    return replace(_ROW, **changes)


def a_hit(**changes: Any) -> Row:
    """Build the row of an answer from the cache."""
    hit = {"cache": "exact", "why": "asked before", "p": {}, "attempts": 0, "charge_usd_nano": 0}
    return replace(_ROW, **{**hit, **changes})
