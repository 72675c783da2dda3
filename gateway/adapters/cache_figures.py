"""What the cache gave and saved, by tenant and route, since the start of this worker."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from gateway.domain.money import format_usd
from gateway.domain.receipt import Receipt

ROWS_MAX: Final = 4_096
"""A policy's tenants times its routes are fewer; what reloads leave behind beyond them is counted together."""
OTHER: Final = "other"
HITS: Final = ("exact", "coalesced", "semantic")
"""What the cache says of an answer for which no model server was asked."""


@dataclass(slots=True)
class Saved:
    """What answers of one kind saved: tokens that no server read or wrote, money, and time of model servers."""

    tokens: int = 0
    usd_nano: int = 0
    ms: float = 0.0


@dataclass(slots=True)
class _Row:
    results: Counter[str] = field(default_factory=Counter)
    saved: dict[str, Saved] = field(default_factory=dict)


class CacheFigures:
    """A recorder that adds them up."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str], _Row] = {}

    def record(self, receipt: Receipt) -> None:
        """Count a request that ended, if it came as far as a route."""
        if receipt.tenant is None or receipt.route is None:
            return
        row = self._row(receipt.tenant, receipt.route)
        row.results[receipt.cache] += 1
        if receipt.cache in HITS:
            saved = row.saved.setdefault(receipt.cache, Saved())
            saved.tokens += receipt.usage.total_tokens
            saved.usd_nano += receipt.cache_saved_usd_nano
            saved.ms += receipt.cache_saved_ms

    def results(self) -> Iterator[tuple[tuple[str, str], int]]:
        """Yield how many requests of each route had which result."""
        counted: Counter[tuple[str, str]] = Counter()
        for (_, route), row in self._rows.items():
            counted.update({(route, result): count for result, count in row.results.items()})
        yield from counted.items()

    def saved(self) -> Iterator[tuple[tuple[str, str], Saved]]:
        """Yield what was saved on each route by each kind of hit."""
        together: dict[tuple[str, str], Saved] = {}
        for (_, route), row in self._rows.items():
            for kind, saved in row.saved.items():
                _add(together.setdefault((route, kind), Saved()), saved)
        yield from together.items()

    def documents(self) -> list[dict[str, Any]]:
        """Write a row for each tenant and route, for whoever asks how the cache fares."""
        return [_document(tenant, route, row) for (tenant, route), row in sorted(self._rows.items(), key=_name)]

    def _row(self, tenant: str, route: str) -> _Row:
        row = self._rows.get((tenant, route))
        if row is None:
            name = (tenant, route) if len(self._rows) < ROWS_MAX else (OTHER, OTHER)
            row = self._rows.setdefault(name, _Row())
        return row


def _name(item: tuple[tuple[str, str], _Row]) -> tuple[str, str]:
    return item[0]


def _add(to: Saved, more: Saved) -> None:
    to.tokens += more.tokens
    to.usd_nano += more.usd_nano
    to.ms += more.ms


def _sum(saved: Iterable[Saved]) -> Saved:
    together = Saved()
    for each in saved:
        _add(together, each)
    return together


def _document(tenant: str, route: str, row: _Row) -> dict[str, Any]:
    saved = _sum(row.saved.values())
    return {
        "tenant": tenant,
        "route": route,
        "requests": dict(sorted(row.results.items())),
        "saved_tokens": saved.tokens,
        "saved_usd": format_usd(saved.usd_nano),
        "saved_usd_nano": saved.usd_nano,
        "saved_s": round(saved.ms / 1e3, 3),
    }
