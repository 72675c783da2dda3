"""What a probe is: a task of known difficulty whose answer is graded by rule."""

import hashlib
from collections.abc import Callable
from typing import Final

from gateway.core.probes.draws import Draws
from gateway.domain.noun import noun

LEVELS: Final = 6
"""Steps of difficulty of every family: 1 is for models that hardly speak, 6 beyond most of today's."""

Grade = Callable[[str], bool]
"""Takes an answer without its thinking, and tells whether it is right."""


@noun
class Task:
    """A question, an answer that is right, and the rule by which any answer is graded."""

    text: str
    solution: str
    grade: Grade


Make = Callable[[int, Draws], Task]
"""Takes a level, from 1 to `LEVELS`, and draws a task of it."""


@noun
class Family:
    """One sort of task. `kind` names what it asks for, in a word that several families share."""

    name: str
    kind: str
    make: Make


@noun
class Probe:
    """One task to be asked. `number` counts those of the same family and level."""

    family: str
    kind: str
    level: int
    number: int
    task: Task

    @property
    def key(self) -> str:
        """Name the probe by what is asked, so that a kept answer is never taken for that to another question."""
        return hashlib.sha256(f"{self.family}\n{self.task.text}".encode()).hexdigest()[:16]
