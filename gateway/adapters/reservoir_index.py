"""Labels in memory, arranged by whom they are of and what they are about.

tenant ─ (tier, model, space) ─ rows: latent | embedding | outcome | familiarity
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from heapq import nlargest
from itertools import repeat

import numpy as np

from gateway.adapters.label_line import along
from gateway.adapters.label_rows import LabelRows
from gateway.core.neighbours import NEAREST, correction, level_from, raised
from gateway.domain.ability import Ability, Correction, Score, acceptance
from gateway.domain.feedback import Label
from gateway.domain.ids import RequestId, TenantId, TierName
from gateway.domain.tier import Tier

_Place = tuple[TierName, str, str]
_Shelf = dict[_Place, "_Labels"]


@dataclass(frozen=True, slots=True)
class ReservoirSettings:
    """Bounds. A label takes about 1 kB."""

    per_tenant: int = 10_000
    in_all: int = 50_000
    """Beyond this, the tenant with the most labels loses its oldest."""


class ReservoirIndex:
    """The labels of all tenants, each tenant's apart; all together as well from the first time that is asked for."""

    def __init__(self, settings: ReservoirSettings | None = None) -> None:
        self._settings = settings or ReservoirSettings()
        self._labels: dict[TenantId, OrderedDict[RequestId, Label]] = {}
        self._shelves: dict[TenantId, _Shelf] = {}
        self._shared: _Shelf | None = None
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def put(self, label: Label) -> None:
        """Take a label in, in the place of an older one of the same request; what lies nowhere is left out."""
        if not label.has_position:
            return
        held = self._labels.get(label.tenant)
        before = None if held is None else held.get(label.request_id)
        if before is not None:
            if before.at_s > label.at_s:
                return
            self._drop(label.tenant, label.request_id)
        labels = self._labels.setdefault(label.tenant, OrderedDict())
        labels[label.request_id] = label
        self._count += 1
        for shelf in self._shelves_of(label.tenant):
            shelf.setdefault(_place_of(label), _Labels(len(label.latent))).put(label)
        if len(labels) > self._settings.per_tenant:
            self._drop(label.tenant, next(iter(labels)))
        while self._count > self._settings.in_all:
            fullest = max(self._labels, key=lambda tenant: len(self._labels[tenant]))
            self._drop(fullest, next(iter(self._labels[fullest])))

    def corrections(
        self, tenant: TenantId, tiers: Sequence[Tier], score: Score, space: str, *, shared: bool
    ) -> tuple[Correction, ...]:
        """Return what labels near the score say of the tiers."""
        shelf = self._everybodys() if shared else self._shelves.get(tenant)
        if not shelf:
            return ()
        found = (
            (tier, shelf.get((tier.name, tier.model, _space(space, len(tier.ability.loadings))))) for tier in tiers
        )
        return tuple(labels.correct(tier, score) for tier, labels in found if labels is not None)

    def labels(self) -> list[Label]:
        """Return all labels, each tenant's oldest first."""
        return [label for labels in self._labels.values() for label in labels.values()]

    def stats(self) -> Mapping[str, int]:
        """Count what is held."""
        return {"labels": self._count, "tenants": len(self._labels)}

    def _shelves_of(self, tenant: TenantId) -> list[_Shelf]:
        own = self._shelves.setdefault(tenant, {})
        return [own] if self._shared is None else [own, self._shared]

    def _everybodys(self) -> _Shelf:
        if self._shared is None:
            self._shared = {}
            for label in self.labels():
                self._shared.setdefault(_place_of(label), _Labels(len(label.latent))).put(label)
        return self._shared

    def _drop(self, tenant: TenantId, request_id: RequestId) -> None:
        label = self._labels[tenant].pop(request_id)
        self._count -= 1
        place = _place_of(label)
        for shelf in self._shelves_of(tenant):
            shelf[place].drop(label)
            if shelf[place].is_empty:
                del shelf[place]
        if not self._labels[tenant]:
            del self._labels[tenant], self._shelves[tenant]


def _place_of(label: Label) -> _Place:
    return label.tier, label.model, _space(label.space, len(label.latent))


def _space(name: str, width: int) -> str:
    """Name a space with its width, so that a label with a wrong one spoils no other."""
    return f"{name}/{width}"


class _Labels:
    """The labels of one tier's model, by the length of their embeddings: stages that make them differ in it."""

    def __init__(self, width: int) -> None:
        self._width = width
        self._rows: dict[int, LabelRows] = {}
        self._known_level: tuple[Ability, float] | None = None

    @property
    def is_empty(self) -> bool:
        return not self._rows

    def put(self, label: Label) -> None:
        """Add a label that is not here."""
        embedded = len(label.embedding)
        self._known_level = None
        self._rows.setdefault(embedded, LabelRows(self._width, embedded)).put(label)

    def drop(self, label: Label) -> None:
        """Take a label out."""
        rows = self._rows[len(label.embedding)]
        self._known_level = None
        rows.drop(label.tenant, label.request_id)
        if not rows.count:
            del self._rows[rows.embedded]

    def correct(self, tier: Tier, score: Score) -> Correction:
        """Return what the labels say of the tier at the score: those of a like embedding, and beside those the nearest.

        Of near labels with embeddings of several lengths the nearest of all are taken.
        """
        off = level = self._level(tier.ability)
        near: list[tuple[float, float, float]] = []
        for rows in self._rows.values():
            vector, line = rows.vector_of(score), rows.line(tier.ability)
            chosen, weights = rows.nearest(score, vector)
            predicted = rows.predicted(tier.ability, chosen)
            stands = repeat(level) if line is None else along(line, rows.embeddings[chosen], predicted)
            if line is not None and vector is not None:
                said = np.array([acceptance(tier.ability, score)], np.float32)
                (off,) = along(line, vector[None], said)
            expected = map(raised, predicted.tolist(), stands)
            near += zip(weights, rows.scores[chosen].tolist(), expected, strict=True)
        if len(near) > NEAREST:
            near = nlargest(NEAREST, near)
        return correction(tier.name, off, *(zip(*near, strict=True) if near else ((), (), ())))

    def _level(self, ability: Ability) -> float:
        """Return how far the tier stands off by all its labels; worked out anew when those or its ability change."""
        if self._known_level is None or self._known_level[0] != ability:
            residual = information = 0.0
            for rows in self._rows.values():
                p = rows.predicted(ability, slice(rows.count))
                residual += float((rows.scores[: rows.count] - p).sum())
                information += float((p * (1.0 - p)).sum())
            self._known_level = (ability, level_from(residual, information))
        return self._known_level[1]
