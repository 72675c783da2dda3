"""The tasks of reasoning-gym, made into probes."""

import importlib.util

import pytest

from gateway.core.probes.draws import Draws
from gateway.core.probes.probe import LEVELS, Family, Task

if importlib.util.find_spec("reasoning_gym") is None:
    pytest.skip("reasoning-gym is not installed (extra calibrate)", allow_module_level=True)

from gateway.adapters.gym_probes import gym_families

FAMILIES = gym_families()


def made(family: Family, level: int, seed: int = 1) -> Task:
    return family.make(level, Draws(seed, family.name))


@pytest.mark.parametrize("family", FAMILIES, ids=[family.name for family in FAMILIES])
def test_every_level_makes_a_task_that_accepts_its_solution_and_no_evasion(family: Family) -> None:
    texts = set()
    for level in range(1, LEVELS + 1):
        task = made(family, level)
        texts.add(task.text)
        assert task.grade(task.solution)
        assert not task.grade("Answer: I do not know")
        assert not task.grade("")
        assert made(family, level).text == task.text
    assert len(texts) == LEVELS


@pytest.mark.parametrize("family", FAMILIES, ids=[family.name for family in FAMILIES])
def test_an_answer_to_another_task_is_wrong(family: Family) -> None:
    tasks = [made(family, 5, seed) for seed in range(4)]
    crossed = [a.grade(b.solution) for a in tasks for b in tasks if a.solution != b.solution]
    assert crossed
    assert not any(crossed)


def test_the_last_line_counts_where_nothing_is_marked() -> None:
    family = next(each for each in FAMILIES if each.name == "gym gcd")
    task = made(family, 2)
    assert task.grade(f"By Euclid's way one finds\n{task.solution.removeprefix('Answer: ')}.")
