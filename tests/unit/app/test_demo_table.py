"""How the demo looks: within its width, with what matters in plain sight."""

import io

import pytest
from rich.console import Console

from gateway.app.demo_policy import TierOnShow
from gateway.app.demo_summary import summarise
from gateway.app.demo_table import Show
from tests.support.demo_rows import a_hit, a_row

TIERS = (
    TierOnShow("nano", "tiergate-nano", "claude-3-haiku", "0.02", "0.04"),
    TierOnShow("small", "tiergate-small", "gemini-1.5-flash", "0.075", "0.30"),
)
LONG = "Which of the many ways from the station to the harbour is the shortest on foot, and which the prettiest?"


def shown(columns: int = 100) -> tuple[Show, io.StringIO]:
    written = io.StringIO()
    return Show(Console(file=written, width=columns, markup=False, highlight=False, emoji=False), TIERS), written


def lines(written: io.StringIO) -> list[str]:
    return [line.rstrip() for line in written.getvalue().splitlines()]


def test_a_request_is_one_line_with_everything_in_it() -> None:
    show, written = shown()
    show.row(a_row(number=7))
    (line,) = lines(written)
    assert " ".join(line.split()) == "7 What is the capital… 90 95 nano best value miss 1 3.2 120 40→60 1.0"


def test_the_closest_call_is_explained() -> None:
    show, written = shown()
    rows = [
        a_row(number=1, margin=0.5, explained=("nano: far",)),
        a_row(number=2, margin=0.1, explained=("nano: near", "λ 97 per USD")),
        a_row(number=3),
        a_hit(number=4, margin=0.01),
    ]
    show.closest(rows)
    assert lines(written)[:3] == [
        "The closest call: request 2, “What is the capital of Portugal?”",
        "  nano: near",
        "  λ 97 per USD",
    ]


def test_without_a_choice_by_value_no_call_is_explained() -> None:
    show, written = shown()
    show.closest([a_row()])
    assert lines(written) == []


def test_what_was_like_an_earlier_question_is_told_with_what_came_of_it() -> None:
    show, written = shown()
    show.likeness([a_row(number=1), a_row(number=2, question="What is 2 + 3?", likeness="numbers differ: 3 / 2")])
    assert lines(written)[:3] == [
        "The same in other words?",
        "  request 2, “What is 2 + 3?”",
        "    numbers differ: 3 / 2",
    ]


def test_where_nothing_was_alike_nothing_is_told_of_it() -> None:
    show, written = shown()
    show.likeness([a_row()])
    assert lines(written) == []


@pytest.mark.parametrize("cache", ["exact", "coalesced", "semantic"])
def test_every_answer_from_the_cache_is_free(cache: str) -> None:
    show, written = shown()
    show.row(a_hit(cache=cache))
    assert f" {cache} " in lines(written)[0]
    assert lines(written)[0].endswith("free")


def test_an_answer_from_the_cache_is_free_and_no_one_decided() -> None:
    show, written = shown()
    show.row(a_hit(total_ms=0.44))
    told = " ".join(lines(written)[0].split())
    assert told.endswith("– nano asked before exact 0 3.2 0.4 40→60 free")


def test_a_refusal_is_shown_with_what_there_is() -> None:
    show, written = shown()
    show.row(a_row(status=503, tier=None, p={}, why="error 503", ttft_ms=None, total_ms=None))
    assert "error 503" in lines(written)[0]


def test_a_pinned_request_shows_the_model_it_named_and_one_chance() -> None:
    show, written = shown()
    show.row(a_row(model="small", tier="small", p={"small": 0.9}))
    assert "[small] What" in lines(written)[0]
    assert "· 90 small" in " ".join(lines(written)[0].split())


@pytest.mark.parametrize("columns", [80, 99, 100, 128, 200])
def test_nothing_is_wider_than_the_terminal(columns: int) -> None:
    show, written = shown(columns)
    show.opening("http://127.0.0.1:65535", [(tier, "SmolLM2-135M, real weights") for tier in TIERS], 2.5)
    show.legend()
    show.head()
    row = a_row(number=20, question=LONG, why="small unreachable", input_tokens=132, output_tokens=160)
    show.row(row)
    show.event("killed nano: its model server is gone")
    show.answers([a_row(text=LONG * 3)])
    show.summary(summarise([row] * 20, ["nano", "small"]))
    assert max(map(len, lines(written))) <= columns


def test_a_wider_terminal_shows_more_of_the_question() -> None:
    narrow, wide = shown(100), shown(128)
    for show, _ in (narrow, wide):
        show.row(a_row(question=LONG))
    assert len(lines(wide[1])[0].split("…")[0]) == len(lines(narrow[1])[0].split("…")[0]) + 28


def test_a_narrow_terminal_goes_without_times_and_tokens_but_not_without_money() -> None:
    show, written = shown(80)
    show.head()
    show.row(a_row())
    assert " ".join(lines(written)[0].split()) == "# question P ok % tier why cache tries TTFT µ$"
    assert lines(written)[-1].split()[-2:] == ["3.2", "1.0"]


def test_heads_and_rows_stand_in_the_same_columns() -> None:
    show, written = shown()
    show.head()
    show.row(a_row())
    head, row = lines(written)[0], lines(written)[-1]
    assert head.index("tier") == row.index("nano")
    assert head.index("cache") == row.index("miss")


def test_one_answer_of_each_tier_is_quoted_on_one_line() -> None:
    show, written = shown()
    show.answers([a_row(text="one\ntwo"), a_row(text="later"), a_row(tier="small", text="")])
    assert lines(written)[1:3] == ["What they said", "nano  “one two”"]


def test_the_summary_gives_shares_money_hits_and_fallbacks() -> None:
    show, written = shown()
    rows = [a_row(), a_row(tier="small", attempts=2), a_hit(charge_usd_nano=0)]
    show.summary(summarise(rows, ["nano", "small"]))
    text = " ".join(written.getvalue().split())
    assert "3, 3 answered" in text
    assert "nano 50 %" in text
    assert "1 answered from the cache" in text
    assert "1 answered by another server after a failed attempt, 0 sent past" in text
    assert "$0.000002 instead of $0.000027 with always the strongest tier, about 93 % saved" in text
