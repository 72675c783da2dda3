"""Which probes are asked."""

from collections import Counter

from gateway.core.probes.draws import Draws
from gateway.core.probes.plan import FAMILIES, plan
from gateway.core.probes.probe import LEVELS, Family, Task


def test_the_same_seed_gives_the_same_probes_and_another_gives_others() -> None:
    first, again, other = plan(1, 200), plan(1, 200), plan(2, 200)
    assert [probe.key for probe in first] == [probe.key for probe in again]
    assert not {probe.key for probe in first} & {probe.key for probe in other if probe.level > 2}


def test_a_larger_plan_begins_with_the_smaller() -> None:
    assert [probe.key for probe in plan(1, 300)][:50] == [probe.key for probe in plan(1, 50)]


def test_no_question_is_asked_twice() -> None:
    probes = plan(1, 1_500)
    assert len({probe.key for probe in probes}) == 1_500


def test_every_family_and_level_is_asked_alike() -> None:
    counts = Counter((probe.family, probe.level) for probe in plan(1, 3 * len(FAMILIES) * LEVELS))
    assert len(counts) == len(FAMILIES) * LEVELS
    assert set(counts.values()) <= {2, 3, 4}


def test_the_first_probes_are_of_all_kinds() -> None:
    assert {probe.kind for probe in plan(1, 30)} == {family.kind for family in FAMILIES}


def test_a_family_that_has_run_out_of_tasks_leaves_its_place_to_the_others() -> None:
    def few(level: int, draws: Draws) -> Task:
        return Task(f"{level} {draws.below(2)}", "", bool)

    probes = plan(1, 2 * LEVELS, [Family("few", "x", few)])
    assert len({probe.key for probe in probes}) == 2 * LEVELS


def test_a_probe_of_every_family_and_level_takes_its_solution_and_no_silence() -> None:
    for family in FAMILIES:
        for level in range(1, LEVELS + 1):
            task = family.make(level, Draws(level))
            assert task.grade(task.solution), (family.name, level)
            assert not task.grade(""), (family.name, level)
