"""Every probe that can be drawn is graded fairly: its own solution passes, what is no solution does not."""

import re
from collections.abc import Iterator

from hypothesis import example, given
from hypothesis import strategies as st

from gateway.core.probes.algorithms import make_route
from gateway.core.probes.arithmetic import make_story
from gateway.core.probes.draws import Draws
from gateway.core.probes.formats import make_table
from gateway.core.probes.instructions import make_letter_rule
from gateway.core.probes.letters import make_reversal
from gateway.core.probes.logic import make_truth_tellers
from gateway.core.probes.plan import FAMILIES
from gateway.core.probes.probe import LEVELS, Family, Task
from gateway.core.probes.vocabulary import COLOURS, NAMES

families = st.sampled_from(FAMILIES)
levels = st.integers(1, LEVELS)
seeds = st.integers(0, 2**63)
TRUTH_TELLERS = next(family for family in FAMILIES if family.make is make_truth_tellers)

EVASIONS = ("", "I do not know.", "Answer:", "Answer: ?", "As a language model I cannot do that.", "```", "{}", "[]")


def drawn(family: Family, level: int, seed: int) -> Task:
    return family.make(level, Draws(seed))


def perturbed(solution: str, kind: str) -> Iterator[str]:
    """Yield answers near a solution that are wrong, whatever the task."""
    if kind == "instructions":
        words = solution.split()
        yield " ".join(words[1:])
        yield f"Certainly! Here you are:\n```\n{solution}\n```"
        return
    numbers = list(re.finditer(r"\d+", solution))
    if numbers:
        last = numbers[-1]
        yield solution[: last.start()] + str(int(last.group()) + 1) + solution[last.end() :]
    else:
        yield solution[:-1] + ("x" if solution[-1] != "x" else "y")
        yield f"{solution} {' '.join((*NAMES, *COLOURS))}"


@given(family=families, level=levels, seed=seeds)
def test_a_probe_accepts_its_own_solution(family: Family, level: int, seed: int) -> None:
    task = drawn(family, level, seed)
    assert task.grade(task.solution)


@given(family=families, level=levels, seed=seeds)
def test_a_probe_rejects_what_is_nearly_its_solution(family: Family, level: int, seed: int) -> None:
    task = drawn(family, level, seed)
    if family.name in LENIENT:
        return
    for wrong in perturbed(task.solution, family.kind):
        assert not task.grade(wrong), wrong


LENIENT = {"letter rules"}
"""Their rules leave room: a sentence without its first word may keep them too."""


@given(family=families, level=levels, seed=seeds)
def test_a_probe_rejects_evasions(family: Family, level: int, seed: int) -> None:
    task = drawn(family, level, seed)
    assert [evasion for evasion in EVASIONS if task.grade(evasion)] == []


@given(family=families, level=levels, seed=seeds, answer=st.text(max_size=300))
def test_grading_never_fails_whatever_was_answered(family: Family, level: int, seed: int, answer: str) -> None:
    assert drawn(family, level, seed).grade(answer) in {True, False}


@given(family=families, level=levels, seed=seeds)
def test_the_same_draws_make_the_same_task(family: Family, level: int, seed: int) -> None:
    assert drawn(family, level, seed).text == drawn(family, level, seed).text


@given(family=families, seed=seeds)
@example(family=TRUTH_TELLERS, seed=299_373).via("its honest two stood side by side where all were named")
def test_a_probe_never_says_its_solution_outright(family: Family, seed: int) -> None:
    task = drawn(family, LEVELS, seed)
    solution = task.solution.removeprefix("Answer: ")
    assert len(solution) < 12 or solution not in task.text


@given(level=levels, seed=seeds)
def test_the_solution_of_a_route_is_no_longer_than_the_way_through_all(level: int, seed: int) -> None:
    task = make_route(level, Draws(seed))
    lengths = [int(each) for each in re.findall(r"is (\d+) miles", task.text)]
    assert 0 < int(task.solution.removeprefix("Answer: ")) <= sum(lengths)


@given(level=levels, seed=seeds)
def test_nobody_in_a_story_ever_has_fewer_than_nothing(level: int, seed: int) -> None:
    assert int(make_story(level, Draws(seed)).solution.removeprefix("Answer: ")) >= 0


@given(level=levels, seed=seeds)
def test_to_call_everybody_honest_is_right_only_where_everybody_is(level: int, seed: int) -> None:
    task = make_truth_tellers(level, Draws(seed))
    people = ", ".join(re.findall(r"(\w+) says:", task.text))
    assert task.grade(f"Answer: {people}") == (
        task.solution.count(",") == people.count(",") and "nobody" not in task.solution
    )


@given(seed=seeds)
def test_sorted_tables_are_sorted_by_count(seed: int) -> None:
    rows = make_table(LEVELS, Draws(seed)).solution.splitlines()[1:]
    counts = [int(row.rpartition(",")[2]) for row in rows]
    assert counts == sorted(counts)


@given(level=levels, seed=seeds)
def test_a_reversal_read_backwards_is_in_the_question(level: int, seed: int) -> None:
    task = make_reversal(level, Draws(seed))
    assert task.solution.removeprefix("Answer: ")[::-1] in task.text


@given(level=levels, seed=seeds)
def test_a_sentence_with_the_forbidden_letter_is_rejected(level: int, seed: int) -> None:
    task = make_letter_rule(level, Draws(seed))
    letter = re.search(r"letter `(\w)`", task.text)
    assert letter is not None
    assert not task.grade(f"{task.solution} {letter[1]}")
