"""What every protocol works on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from router_models.benchmarks import STRONG, WEAK
from router_models.bootstrap import Codes, codes_of
from router_models.data import Floats, Outcomes
from router_models.fits import Fits, Note, Placed
from router_models.partitions import Partition, folds
from router_models.router import Rows, Stage
from router_models.scientific import Doubles
from router_models.texts import Texts

Prices = Mapping[str, tuple[float, float]]


class ReadTexts(Protocol):
    """Reads further texts as those of the data were read; without the encoder where it is not asked for."""

    def __call__(self, texts: Sequence[str], *, with_encoder: bool) -> Texts: ...


@dataclass(frozen=True, slots=True)
class Bench:
    """The data, the fits made of them, and how further texts are read.

    `latency` is a file that `python -m load_tests scoring` wrote, or none.
    """

    fits: Fits
    prices: Prices
    read: ReadTexts
    latency: Path | None
    seed: int

    @property
    def outcomes(self) -> Outcomes:
        """Return all outcomes."""
        return self.fits.outcomes

    @property
    def note(self) -> Note:
        """Return what is told of progress."""
        return self.fits.note

    @property
    def stages(self) -> list[Stage]:
        """Return the stages that there are, the dearest first."""
        known = [stage for stage in Stage if stage is not Stage.ENCODER or self.fits.texts.has_encoder]
        return known[::-1]

    def pair(self) -> list[int]:
        """Return the columns of the weak and the strong model."""
        return [self.outcomes.column(WEAK), self.outcomes.column(STRONG)]

    def place(self, partition: Partition) -> Placed:
        """Place the tested queries of a partition."""
        return self.fits.placed(partition.name, partition.training, partition.tested)

    def folds(self) -> list[Placed]:
        """Place every query by a router that has not seen its fold."""
        return [self.place(partition) for partition in folds(self.outcomes, self.seed)]

    def groups(self) -> Codes:
        """Number the groups."""
        return codes_of(np.array([query.group for query in self.outcomes.queries]))

    def lengths(self) -> Doubles:
        """Return the characters of each prompt."""
        return np.array([float(len(query.prompt)) for query in self.outcomes.queries])

    def scores(self, rows: Rows, columns: list[int]) -> Doubles:
        """Return what came of some queries, with some models."""
        found: Floats = self.outcomes.score[rows][:, columns]
        return found.astype(np.float64)


def everywhere(placed: Sequence[Placed], stage: Stage, columns: list[int], queries: int) -> Doubles:
    """Return queries x columns P(acceptable), NaN where no router placed a query."""
    chance: Doubles = np.full((queries, len(columns)), np.nan)
    for each in placed:
        chance[each.rows] = each.chance(stage, columns)
    return chance
