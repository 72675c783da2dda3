"""The reservoir of one process; on disk as well where a directory is given, so that a restart forgets nothing."""

import asyncio
from collections.abc import Mapping, Sequence

from gateway.adapters.reservoir_file import LabelFile
from gateway.adapters.reservoir_index import ReservoirIndex, ReservoirSettings
from gateway.domain.ability import Correction, Score
from gateway.domain.feedback import Label
from gateway.domain.ids import TenantId
from gateway.domain.tier import Tier
from gateway.ports import StoreUnavailable


class MemoryReservoir:
    """Hold labels here. Raises OSError when the file cannot be read."""

    def __init__(self, file: LabelFile | None = None, settings: ReservoirSettings | None = None) -> None:
        self._index = ReservoirIndex(settings)
        self._file = file
        if file is not None:
            for label in file.read():
                self._index.put(label)
            file.compact(self._index.labels())

    def corrections(
        self, tenant: TenantId, tiers: Sequence[Tier], score: Score, space: str, *, shared: bool
    ) -> tuple[Correction, ...]:
        """Return what labels near the score say of the tiers."""
        return self._index.corrections(tenant, tiers, score, space, shared=shared)

    async def add(self, label: Label) -> None:
        """Take a label in, once it is on disk. Raises StoreUnavailable."""
        if self._file is not None and label.has_position:
            try:
                await asyncio.to_thread(self._file.append, label)
            except OSError as error:
                raise StoreUnavailable from error
        self._index.put(label)

    async def listen(self) -> None:
        """Return: there is nobody to listen to."""

    def stats(self) -> Mapping[str, int]:
        """Count what is held, and the lines of the file that could not be read."""
        return {**self._index.stats(), "corrupt": 0 if self._file is None else self._file.corrupt}

    async def aclose(self) -> None:
        """Nothing to close."""
