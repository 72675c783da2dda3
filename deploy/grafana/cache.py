"""What the cache gives, what that spares, and what it costs."""

from typing import Final

from deploy.grafana.board import Board, Row
from deploy.grafana.panels import (
    BAD,
    COUNT,
    FAIR,
    GOOD,
    PER_SECOND,
    SECONDS,
    SHARE,
    About,
    Query,
    layers,
    lines,
    number,
)
from deploy.grafana.promql import in_range, of, or_nothing, per_second, quantile
from gateway.adapters import metrics_names as names
from gateway.domain.outcome import Outcome

HITS: Final = {"result": "exact"}
LOOKED: Final = {"result": "exact|miss"}

WELL: Final = Row(
    "Is it well?",
    (
        number(
            About(
                "Share of look-ups that hit",
                "In the time shown, of the requests that may be answered from the cache.",
                SHARE,
                8,
            ),
            Query(of(or_nothing(in_range(names.CACHE, where=HITS)), in_range(names.CACHE, where=LOOKED))),
        ),
        number(
            About(
                "Look-ups are answered within",
                "99 % of them, misses included. A slow Redis is not waited for longer than 5 ms.",
                SECONDS,
                8,
                ((None, GOOD), (0.003, FAIR), (0.005, BAD)),
                "CacheWritesDropped",
            ),
            Query(quantile(0.99, names.STAGE, where={"stage": "lookup"})),
        ),
        number(
            About(
                "Answers that were not stored",
                "In the time shown, because the queue of writes was full: Redis is slow or away.",
                COUNT,
                8,
                ((None, GOOD), (1, BAD)),
                "CacheWritesDropped",
            ),
            Query(in_range(names.CACHE_WRITES_DROPPED)),
        ),
    ),
)
USE: Final = Row(
    "What it gives",
    (
        layers(
            About(
                "What look-ups come to",
                "exact: a kept answer. bypass: the caller wanted none. off: not for such requests, as the route says.",
                PER_SECOND,
                12,
            ),
            Query(per_second(names.CACHE, "result"), "{{result}}"),
        ),
        layers(
            About("For whom?", "Kept answers that were given, by tenant.", PER_SECOND, 12),
            Query(per_second(names.REQUESTS, "tenant", where={"outcome": Outcome.SUCCESS_CACHE_EXACT}), "{{tenant}}"),
        ),
        lines(
            About("Time of a look-up", "The store's round trip included.", SECONDS, 12),
            Query(quantile(0.5, names.STAGE, where={"stage": "lookup"}), "P50"),
            Query(quantile(0.99, names.STAGE, where={"stage": "lookup"}), "P99"),
        ),
        lines(
            About("Answers not stored", "A second. What is dropped is asked of a model server again.", PER_SECOND, 12),
            Query(per_second(names.CACHE_WRITES_DROPPED), "dropped"),
        ),
    ),
)
CACHE: Final = Board(
    "tiergate-cache", "Cache", "What the cache gives, what that spares, and what it costs.", (), (WELL, USE)
)
