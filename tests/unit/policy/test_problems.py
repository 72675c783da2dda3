from decimal import Decimal

import pytest

from gateway.policy.problems import MAX_SHOWN, Problem, describe, did_you_mean, dotted, listed, render, shorten


def test_a_problem_reads_like_a_compiler_message() -> None:
    problem = Problem("policies/x.yaml", 10, 20, "tiers.small.price.input", "expected a, found b", "do c")
    whole = Problem("policies/x.yaml", 1, 1, "", "expected UTF-8")
    assert render([problem, whole]) == (
        "policies/x.yaml:10:20: tiers.small.price.input: expected a, found b; hint: do c\n"
        "policies/x.yaml:1:1: expected UTF-8"
    )


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "nothing"),
        (True, "true"),
        (False, "false"),
        ("a", '"a"'),
        (("a",), "a list"),
        ({"a": 1}, "a mapping"),
        (3, "3"),
        (Decimal("0.10"), "0.10"),
    ],
)
def test_what_was_found_is_named(value: object, said: str) -> None:
    assert describe(value) == said


def test_a_long_or_unprintable_value_stays_on_the_line() -> None:
    assert shorten("x" * MAX_SHOWN) == "x" * MAX_SHOWN
    assert shorten("x" * 500) == "x" * (MAX_SHOWN - 1) + "…"
    assert shorten("a\nb\x1b[2J") == "a\ufffdb\ufffd[2J"


def test_the_nearest_name_is_found_whatever_its_case() -> None:
    assert did_you_mean("TTFF", ["stall", "ttft"]) == "did you mean `ttft`?"
    assert did_you_mean("balanced", ["Balanced"]) == "did you mean `Balanced`?"
    assert did_you_mean("zzz", ["stall", "ttft"]) == "known here: `stall`, `ttft`"
    assert did_you_mean("zzz", []) == ""


def test_long_lists_are_cut() -> None:
    assert listed([str(number) for number in range(14)]).endswith("`11` and 2 more")


def test_a_path_is_written_with_dots() -> None:
    assert dotted(("tiers", "small", "endpoints", 0, "url")) == "tiers.small.endpoints.0.url"
    assert dotted(()) == ""
