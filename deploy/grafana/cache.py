"""What the cache gives, what that spares, whether other words are answered rightly, and what is computed anew."""

from typing import Final

from deploy.grafana.board import ROUTE, Board, Row
from deploy.grafana.panels import (
    BAD,
    COUNT,
    FAIR,
    GOOD,
    PER_SECOND,
    SECONDS,
    SHARE,
    TOKENS_PER_SECOND,
    USD,
    About,
    Query,
    layers,
    lines,
    number,
)
from deploy.grafana.promql import in_range, most, of, or_nothing, per_second, quantile, total
from gateway.adapters import metrics_cache_names as caches
from gateway.adapters import metrics_names as names
from gateway.adapters import metrics_prefix_names as prefixes
from gateway.adapters import metrics_semantic_names as semantic

OF_ROUTE: Final = {"route": "$route"}
HITS: Final = "exact|semantic|coalesced"
BYTES: Final = "bytes"

WELL: Final = Row(
    "Is it well?",
    (
        number(
            About(
                "Share of look-ups that hit",
                "In the time shown, of the requests that may be answered from the cache.",
                SHARE,
                5,
            ),
            Query(
                of(
                    or_nothing(in_range(caches.CACHE_ROUTE, where={**OF_ROUTE, "result": HITS})),
                    in_range(caches.CACHE_ROUTE, where={**OF_ROUTE, "result": f"{HITS}|miss"}),
                )
            ),
        ),
        number(
            About(
                "Money not spent",
                "What the kept answers given in the time shown cost when a model server gave them, less what they were "
                "charged.",
                USD,
                5,
            ),
            Query(or_nothing(in_range(caches.CACHE_SAVED_USD, where=OF_ROUTE))),
        ),
        number(
            About(
                "Look-ups are answered within",
                "99 % of them, misses included. A slow Redis is not waited for longer than 5 ms.",
                SECONDS,
                5,
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
                5,
                ((None, GOOD), (1, BAD)),
                "CacheWritesDropped",
            ),
            Query(in_range(names.CACHE_WRITES_DROPPED)),
        ),
        number(
            About(
                "Tenants without semantic hits",
                "On a route, since too many were wrong. They are given kept answers to the very same request alone.",
                COUNT,
                4,
                ((None, GOOD), (1, BAD)),
                "SemanticHitsWrong",
            ),
            Query(or_nothing(total(semantic.SEMANTIC_CLASSES, where={**OF_ROUTE, "standing": "exact_only"}))),
        ),
    ),
)
USE: Final = Row(
    "What it gives",
    (
        layers(
            About(
                "What look-ups come to",
                "exact: a kept answer. semantic: that to other words. bypass: the caller wanted none. off: not for "
                "such requests, as the route says.",
                PER_SECOND,
                8,
            ),
            Query(per_second(caches.CACHE_ROUTE, "result", where=OF_ROUTE), "{{result}}"),
        ),
        layers(
            About("All requests", "What the cache gave, also where no route was come to.", PER_SECOND, 8),
            Query(per_second(names.CACHE, "result"), "{{result}}"),
        ),
        layers(
            About("For whom?", "Kept answers that were given, by tenant.", PER_SECOND, 8),
            Query(per_second(names.REQUESTS, "tenant", where={"outcome": "success_cache_.+"}), "{{tenant}}"),
        ),
        lines(
            About("Money not spent, an hour", "By route and kind of hit.", USD, 8),
            Query(
                f"{per_second(caches.CACHE_SAVED_USD, 'route', 'result', where=OF_ROUTE)} * 3600",
                "{{route}} {{result}}",
            ),
        ),
        lines(
            About(
                "Tokens neither read nor written", "By model servers, by route and kind of hit.", TOKENS_PER_SECOND, 8
            ),
            Query(per_second(caches.CACHE_SAVED_TOKENS, "route", "result", where=OF_ROUTE), "{{route}} {{result}}"),
        ),
        lines(
            About(
                "Time not waited for",
                "Seconds of model servers' work in each second: how many of their places the cache stands for.",
                COUNT,
                8,
            ),
            Query(per_second(caches.CACHE_SAVED_S, "route", "result", where=OF_ROUTE), "{{route}} {{result}}"),
        ),
    ),
)
SEMANTIC: Final = Row(
    "The same question in other words",
    (
        layers(
            About(
                "What such look-ups come to",
                "hit: a kept answer was given. shadow: it would have been, and a model was asked to compare. refused: "
                "not sure enough. barred: not for such a request; gateway/REFERENCE.md names the bars.",
                PER_SECOND,
                8,
                runbook="SemanticHitsWrong",
            ),
            Query(per_second(semantic.SEMANTIC, "end", "bar"), "{{end}} {{bar}}"),
        ),
        lines(
            About(
                "Share of compared answers that were wrong",
                "Of models' answers that were compared with the kept one. The bound that decides is stricter: it "
                "counts how few there were.",
                SHARE,
                8,
                ((None, GOOD), (0.05, BAD)),
                "SemanticHitsWrong",
            ),
            Query(
                of(
                    per_second(semantic.SEMANTIC_LABELS, where={"answer": "wrong"}),
                    f"{per_second(semantic.SEMANTIC_LABELS)} > 0",
                ),
                "wrong",
            ),
        ),
        lines(
            About(
                "Compared answers",
                "In the time shown. Without any, nothing is known of right and wrong beyond the calibration.",
                COUNT,
                8,
            ),
            Query(in_range(semantic.SEMANTIC_LABELS, "answer"), "{{answer}}"),
        ),
        layers(
            About(
                "How tenants' semantic hits stand",
                "serving, or exact_only since too many were wrong. By route, at each worker.",
                COUNT,
                8,
                runbook="SemanticHitsWrong",
            ),
            Query(total(semantic.SEMANTIC_CLASSES, "route", "standing", where=OF_ROUTE), "{{route}} {{standing}}"),
        ),
        lines(
            About(
                "How often too many were wrong",
                "Over the tenants that are held, by route.",
                COUNT,
                8,
                runbook="SemanticHitsWrong",
            ),
            Query(most(semantic.SEMANTIC_BREACHES, "route", where=OF_ROUTE), "{{route}}"),
        ),
        lines(
            About("Questions held", "In the workers' memory, with which others are compared.", COUNT, 8),
            Query(total(semantic.SEMANTIC_ENTRIES), "questions"),
        ),
        layers(
            About(
                "Searches of a server",
                "late: the request went on without; failed: it refused, or was away. None where workers search.",
                PER_SECOND,
                8,
            ),
            Query(per_second(semantic.SEMANTIC_SEARCHES, "outcome"), "{{outcome}}"),
        ),
    ),
)
STORE: Final = Row(
    "The store",
    (
        lines(
            About("Time of a look-up", "The store's round trip included.", SECONDS, 8),
            Query(quantile(0.5, names.STAGE, where={"stage": "lookup"}), "P50"),
            Query(quantile(0.99, names.STAGE, where={"stage": "lookup"}), "P99"),
        ),
        layers(
            About(
                "What befell kept answers",
                "evicted: no room. void: purged. lost, errors: the shared store is in trouble. corrupt, mismatches: "
                "what came back is not what was stored, and nobody was given it.",
                PER_SECOND,
                8,
                runbook="CacheWritesDropped",
            ),
            Query(per_second(caches.CACHE_EVENTS, "event"), "{{event}}"),
        ),
        lines(
            About("Answers not stored", "A second. What is dropped is asked of a model server again.", PER_SECOND, 8),
            Query(per_second(names.CACHE_WRITES_DROPPED), "dropped"),
        ),
        lines(
            About("Answers in memory", "Of the workers; Redis may hold more.", COUNT, 8),
            Query(total(caches.CACHE_ENTRIES), "answers"),
        ),
        lines(
            About("Memory of answers", "Of the workers, within the bound that each has.", BYTES, 8),
            Query(total(caches.CACHE_BYTES), "bytes"),
        ),
        layers(
            About("Answers reported as wrong", "Calls of /v1/cache/report, by what became of them.", PER_SECOND, 8),
            Query(per_second(caches.CACHE_REPORTS, "outcome"), "{{outcome}}"),
        ),
    ),
)
PREFIXES: Final = Row(
    "Beginnings of prompts that servers have computed",
    (
        lines(
            About(
                "Tokens that need not be computed again",
                "Expected by the index that chooses servers, and reported by them. Far fewer reported than expected: "
                "their caches are smaller than thought, or off, or they do not tell.",
                TOKENS_PER_SECOND,
                8,
            ),
            Query(per_second(prefixes.PREFIX_TOKENS, "tier", "kind"), "{{tier}} {{kind}}"),
        ),
        lines(
            About("Memory of the index", "Of the workers, estimated.", BYTES, 8),
            Query(total(prefixes.PREFIX_BYTES), "bytes"),
        ),
        lines(
            About("Blocks in the index", "Each stands for a thousand bytes of a prompt.", COUNT, 8),
            Query(total(prefixes.PREFIX_BLOCKS), "blocks"),
        ),
        lines(
            About(
                "Blocks dropped for want of memory", "A second. Many: older beginnings are forgotten.", PER_SECOND, 8
            ),
            Query(per_second(prefixes.PREFIX_EVICTED), "dropped"),
        ),
        lines(
            About("Requests not told to other workers", "A second, because there were too many.", PER_SECOND, 8),
            Query(per_second(prefixes.PREFIX_UNTOLD), "untold"),
        ),
        lines(
            About("How old is other workers' news?", "Nothing with one worker, or without Redis.", SECONDS, 8),
            Query(most(prefixes.PREFIX_LAG), "lag"),
        ),
    ),
)
CACHE: Final = Board(
    "tiergate-cache",
    "Cache",
    "What the cache gives, what that spares, whether other words are answered rightly, and what is computed anew.",
    (ROUTE,),
    (WELL, USE, SEMANTIC, STORE, PREFIXES),
)
