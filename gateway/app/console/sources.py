"""What the console reads: the parts of a worker, all of which exist without it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from gateway.adapters.artefact import Artefact
from gateway.adapters.cache_figures import CacheFigures
from gateway.adapters.ledger_watch import ObservedLedger
from gateway.app.console.diary import Diary
from gateway.app.policy_in_force import PolicyInForce
from gateway.app.settings import Settings
from gateway.pipeline.world import World


@dataclass(frozen=True, slots=True)
class Place:
    """Which of the workers this is, from 1, of how many; and the ports of its admin listener and of the gateway."""

    number: int
    workers: int
    admin_port: int
    port: int

    def admin_port_of(self, number: int) -> int:
        """Return the port of another worker's console."""
        return self.admin_port + number - self.number


def place_of(settings: Settings, worker: int) -> Place:
    """Return a worker's place; its number is 0 where it is the only one. `settings` has an admin listener."""
    assert settings.admin is not None, "without an admin listener there is no console"
    return Place(max(1, worker), settings.workers, settings.admin.port, settings.port)


class HasArtefact(Protocol):
    """Holds the difficulty model in force."""

    @property
    def artefact(self) -> Artefact: ...


@dataclass(frozen=True, slots=True)
class Sources:
    """Everything that a page is made of. `drain` hands on the receipts that wait to be recorded."""

    world: World
    policy: PolicyInForce
    model: HasArtefact
    ledger: ObservedLedger
    cache: CacheFigures
    diary: Diary
    drain: Callable[[], None]
    place: Place
