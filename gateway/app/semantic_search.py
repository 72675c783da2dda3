"""Which ways of a server the settings allow, and what is said of the one that is taken."""

import logging
from collections.abc import Sequence
from typing import Final

from gateway.adapters.redis_target import RedisTarget
from gateway.adapters.semantic_ways import SERVER_SEARCHES, ServerSearch
from gateway.app.events import LogEvent, marked
from gateway.app.settings import Settings

log = logging.getLogger("tiergate")

MEND: Final = (
    "use Redis 8, or a server with RediSearch or valkey-search, whose user may ask COMMAND INFO; "
    "or set TIERGATE_SEMANTIC_INDEX=process"
)


def ways_of(settings: Settings, target: RedisTarget) -> Sequence[ServerSearch]:
    """Return the ways that will do, the better first.

    A cluster's servers have each its own index for FT.SEARCH, or ask each other for every search; neither was tried.
    """
    wanted = SERVER_SEARCHES[settings.semantic_index]
    return [way for way in wanted if way is ServerSearch.VSET or not target.nodes]


def tell_search(wanted: str, way: ServerSearch | None) -> None:
    """Log how like questions are found from now on; None: by each worker, since the server cannot."""
    if way is None:
        told = "the server cannot find like questions (TIERGATE_SEMANTIC_INDEX=%s), so each worker looks in memory: %s"
        log.warning(told, wanted, MEND, extra=marked(LogEvent.SEMANTIC_UNSEARCHED, cause=wanted))
    else:
        log.info("the server finds like questions: %s", way, extra=marked(LogEvent.SEMANTIC_SEARCHED, cause=way.value))
