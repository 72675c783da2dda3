"""What can go wrong on the way between two processes.

`Impair` is all that a fault knows of such a way. A relay in user space stands behind it (`relay.py`). The kernel's
netem could too, for delays, rates, losses and corruption; the relay does what netem lacks (a reset at a chosen byte),
and works where netem is not there.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Protocol


class Way(Enum):
    """A direction, as the gateway sees it."""

    REQUEST = "request"
    ANSWER = "answer"


class Door(Enum):
    """What becomes of new connections."""

    OPEN = "open"
    REFUSES = "refuses"
    """Nobody listens."""
    SWALLOWS = "swallows"
    """They are accepted, what is sent is read, and nothing ever comes back."""
    IGNORES = "ignores"
    """Their first packet is dropped, as by a firewall or a dead machine: the backlog is full."""


class Cut(Enum):
    """How a connection is broken off."""

    RESET = "reset"
    """TCP reset, both ways."""
    CLOSE = "close"
    """An orderly end of the answer, whatever is still owed."""


@dataclass(frozen=True, slots=True)
class Flow:
    """How bytes go one way. Bytes are counted within the answer to one request, its head included."""

    delay_s: float = 0.0
    """Each piece is held back so long; what comes meanwhile goes with it."""
    bytes_per_s: float | None = None
    is_stalled: bool = False
    cut: Cut | None = None
    cut_at_byte: int = 0
    corrupt_at_byte: int | None = None


FREE = Flow()


class Impair(Protocol):
    """The ways in which a path can be impaired."""

    def set_flow(self, way: Way, flow: Flow) -> None:
        """Let bytes of every connection, present ones too, go that way like this from now on."""

    def set_door(self, door: Door) -> None:
        """Treat new connections like this from now on."""

    def break_off(self, cut: Cut) -> None:
        """Break every present connection off."""

    def heal(self) -> None:
        """Be a clean path again. What was broken off stays so."""
