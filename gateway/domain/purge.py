"""Which kept answers are to be forgotten, and how many there are of them."""

from collections.abc import Mapping
from dataclasses import field
from enum import StrEnum

from gateway.domain.ids import RouteName, TenantId
from gateway.domain.noun import noun


@noun
class Selection:
    """Kept answers of one partition: all of it, those of a route, or one; and of these, those stored until a time.

    `tenant` is the partition's name, which may be a group's. `until_s` is in seconds since the epoch, by the clock of
    whoever stored the answer; None is whenever.
    """

    tenant: TenantId
    route: RouteName | None = None
    entry: str | None = None
    until_s: float | None = None

    def holds(self, entry: str, route: RouteName, stored_at_s: float) -> bool:
        """Tell whether an answer of the partition is one of them."""
        return (
            (self.entry is None or self.entry == entry)
            and (self.route is None or self.route == route)
            and (self.until_s is None or stored_at_s <= self.until_s)
        )


@noun
class Tally:
    """How many kept answers there are, and how large they are together. Not complete: there are more, or may be."""

    entries: int = 0
    size_bytes: int = 0
    is_complete: bool = True
    by_route: Mapping[RouteName, int] = field(default_factory=dict, compare=False)
    """How many of the entries were given on each route."""


class ReportOutcome(StrEnum):
    """What became of a report that a kept answer is wrong."""

    ACCEPTED = "accepted"
    """It was kept, and is no more."""
    REPEATED = "repeated"
    """It was purged before."""
    UNKNOWN = "unknown"
    """There is no such answer of this tenant."""
    INVALID = "invalid"
    """The report was not sound."""
    UNAVAILABLE = "unavailable"
    """What keeps answers did not answer."""
