"""The part of a case that is of Redis: the gateways that share it, and what befalls it and the way there."""

from enum import StrEnum
from typing import Final

from msgspec import Struct


class RedisTrouble(StrEnum):
    """What befalls Redis for a while. The names of single resets say when they come."""

    DOWN = "redis_down"
    """Connections are reset, and no other is taken."""
    HOLE = "redis_hole"
    """What is sent is lost, over connections that stay as they are for ever."""
    FROZEN = "redis_frozen"
    """Nothing is done; what is sent meanwhile is carried out afterwards, whoever still waits for it."""
    SLOW = "redis_slow"
    RESET_UNREAD = "redis_reset_unread"
    """A command is not carried out."""
    RESET_UNTOLD = "redis_reset_untold"
    """A command is carried out, and its answer does not come."""
    RESET_WITHIN = "redis_reset_within"
    RESET_BEHIND = "redis_reset_behind"
    RESTART = "redis_restart"
    """Down, and back with its data and without its scripts."""
    LOSS = "redis_loss"
    """Down, and back with nothing."""
    FORGETS = "redis_forgets"
    """Its scripts are dropped, and connections stay."""
    LOADING = "redis_loading"
    READONLY = "redis_readonly"
    FULL = "redis_full"
    SPLIT = "redis_split"
    """Answers come in pieces, cut at any byte."""
    MIXED_UP = "redis_mixed_up"
    """An answer is given again, so that those behind it are taken for the answers of other commands."""
    CLOCK = "redis_clock"
    """Its clock goes wrong at once, and stays wrong."""


OF_SINGLE_COMMANDS: Final = (
    RedisTrouble.RESET_UNREAD,
    RedisTrouble.RESET_UNTOLD,
    RedisTrouble.RESET_WITHIN,
    RedisTrouble.RESET_BEHIND,
    RedisTrouble.MIXED_UP,
)
AWAY: Final = (RedisTrouble.DOWN, RedisTrouble.RESTART, RedisTrouble.LOSS)
"""While one of these lasts, nobody listens."""


class RedisFault(Struct, frozen=True):
    """A trouble. `late_s` is of SLOW, `ahead_s` of CLOCK."""

    kind: RedisTrouble
    from_s: float
    to_s: float
    rate: float = 1.0
    """Share of the commands that it meets, where it meets single ones."""
    late_s: float = 0.0
    ahead_s: float = 0.0


class Redis(Struct, frozen=True):
    """What the gateways share. Bytes take `way_s` each way."""

    gateways: int = 1
    way_s: float = 0.0002
    faults: tuple[RedisFault, ...] = ()
