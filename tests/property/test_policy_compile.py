"""Compiling is total: whatever the text, there is a snapshot or a list of problems, each with a place."""

import random
from decimal import Decimal

from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.policy.load import read_document
from gateway.policy.nodes import scalar_of
from gateway.policy.problems import Problem
from gateway.policy.quantities import Quantity
from gateway.policy.scales import SHARE
from gateway.policy.snapshot import PolicySnapshot
from gateway.policy.source import PolicySource
from tests.unit.policy.worlds import GOOD, MINIMAL, compile_text

FRAGMENTS = (
    *": ,-?[]{}#&*!|>'\"%@`~\n\t\\",
    "\n  ",
    "\n    ",
    "- ",
    "? ",
    ": ",
    "<<: ",
    "&a ",
    "*a ",
    "!!str ",
    "---\n",
    "...\n",
    "%YAML 1.1\n",
    "\\U00110000",
    "\\ud800",
    "\ud800",
    "\x00",
    "\ufeff",
    "\u2028",
    "null",
    "true",
    "-1",
    "1e999",
    ".nan",
    "99999999999999999999",
    "off",
    "free",
    "catalog",
    "env:NOPE",
    "file:/",
    "{}",
    "[]",
    "version: 1\n",
    "tiers:\n",
    "models:\n",
    "[key]",
    "<table>",
)
VALUES = (
    "~",
    "[]",
    "{}",
    "-1",
    "0",
    "1e9",
    ".nan",
    "x",
    "'x'",
    "[x]",
    "{x: y}",
    "5s",
    "32k",
    "off",
    "true",
    "&a x",
    "*a",
)
LINES = GOOD.splitlines(keepends=True)


def check(outcome: PolicySnapshot | list[Problem]) -> None:
    if isinstance(outcome, list):
        assert outcome
        for problem in outcome:
            assert problem.line >= 1
            assert problem.column >= 1
            assert problem.message
            assert "\n" not in str(problem)


@given(st.text())
@example("\ud800")
def test_any_text_compiles_or_is_told_why_not(text: str) -> None:
    check(compile_text(text))


@given(st.binary())
def test_any_bytes_compile_or_are_told_why_not(content: bytes) -> None:
    check(compile_text(content))


@given(st.lists(st.sampled_from(FRAGMENTS), max_size=30).map("".join))
def test_any_yaml_like_text_compiles_or_is_told_why_not(text: str) -> None:
    check(compile_text(text))


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """Draw a good policy with a few lines or pieces of text changed."""
    text = draw(st.sampled_from((GOOD, MINIMAL)))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, min(len(text), start + 40)))
        text = text[:start] + draw(st.sampled_from((*FRAGMENTS, *LINES, ""))) + text[end:]
    return text


@settings(max_examples=200, deadline=None)
@given(mutated())
def test_a_mutated_policy_compiles_or_is_told_why_not(text: str) -> None:
    check(compile_text(text))


@settings(max_examples=200, deadline=None)
@given(st.integers(0, GOOD.count(": ") - 1), st.sampled_from(VALUES), st.randoms(use_true_random=False))
def test_a_policy_with_any_value_replaced_compiles_or_is_told_why_not(
    number: int, value: str, chance: random.Random
) -> None:
    pieces = GOOD.split(": ")
    head, tail = ": ".join(pieces[: number + 1]), ": ".join(pieces[number + 1 :])
    cut = min(position for position in (tail.find(end) for end in (",", "}", "\n")) if position >= 0)
    check(compile_text(f"{head}: {value}{tail[cut:]}"))
    lines = [line for line in LINES if chance.random() > 0.1]
    check(compile_text("".join(lines)))


@given(st.text(alphabet="0123456789.eE+-_xnaif ", max_size=60))
def test_a_scalar_is_always_read_and_never_overflows(text: str) -> None:
    scalar_of(text)


@given(st.decimals(min_value=0, max_value=100, places=3, allow_nan=False, allow_infinity=False), st.booleans())
def test_a_share_reads_the_same_as_a_number_and_in_percent(percent: Decimal, above: bool) -> None:
    quantity = Quantity(SHARE, "0", "1", above=above and percent > 0)
    assert quantity.parse(f"{percent}%") == quantity.parse(percent / 100)


@given(st.dictionaries(st.from_regex(r"[a-z]{1,8}", fullmatch=True), st.integers(-(10**17), 10**17), max_size=5))
def test_a_document_of_plain_values_is_read_as_written(entries: dict[str, int]) -> None:
    text = "".join(f'"{name}": {value}\n' for name, value in entries.items())
    document = read_document(PolicySource("p", text or "{}"))
    assert document.root == entries
    for line, name in enumerate(entries, 1):
        assert document.place_of((name,), at_key=True) == (line, 1)
