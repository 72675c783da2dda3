"""What may find like questions: each worker in its own memory, or the server in one of two ways."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final

IN_PROCESS: Final = "process"
"""Names an index that each worker searches in its own memory."""


class ServerSearch(StrEnum):
    """What a server may find like questions with."""

    VSET = "redis-vset"
    """Vector sets, which Redis has from 8.0 on."""
    FT = "redis-ft"
    """RediSearch or valkey-search."""


SERVER_SEARCHES: Final[Mapping[str, Sequence[ServerSearch]]] = {
    "redis": (ServerSearch.VSET, ServerSearch.FT),
    ServerSearch.VSET.value: (ServerSearch.VSET,),
    ServerSearch.FT.value: (ServerSearch.FT,),
}
"""What a setting may ask for: the ways that will do, the better first."""
