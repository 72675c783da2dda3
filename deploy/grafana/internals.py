"""Whether the gateway itself keeps time, has room, runs the policy it should, and loses nothing of what it writes."""

from typing import Final

from deploy.grafana.board import Board, Row
from deploy.grafana.panels import (
    BAD,
    COUNT,
    FAIR,
    GOOD,
    PER_SECOND,
    SECONDS,
    About,
    Query,
    heat,
    layers,
    lines,
    number,
    rows,
    states,
)
from deploy.grafana.promql import buckets, in_range, per_second, quantile, total
from gateway.adapters import metrics_batch as batch
from gateway.adapters import metrics_names as names
from gateway.adapters import metrics_worker_names as workers

OURS: Final = 'job="tiergate", instance=~"$instance"'
LOST: Final = (names.LOG_LINES_LOST, names.RECORDS_LOST, workers.SPANS_LOST, names.CACHE_WRITES_DROPPED)

WELL: Final = Row(
    "Is it well?",
    (
        number(
            About(
                "What the gateway adds",
                "99 % of requests are delayed by no more than this in the time of a few scrapes.",
                SECONDS,
                6,
                ((None, GOOD), (0.01, FAIR), (0.05, BAD)),
                "OverheadHigh",
            ),
            Query(quantile(0.99, names.OVERHEAD)),
        ),
        number(
            About(
                "How late is the event loop?",
                "99 % of its timers come no later. While it is late, nobody is served.",
                SECONDS,
                6,
                ((None, GOOD), (0.02, FAIR), (0.1, BAD)),
                "LoopStalls",
            ),
            Query(quantile(0.99, workers.LOOP_STALL)),
        ),
        number(
            About(
                "Requests told to come back",
                "In the time shown, for want of room: more gateways or workers, or less traffic.",
                COUNT,
                6,
                ((None, GOOD), (1, BAD)),
                "Shedding",
            ),
            Query(in_range(workers.SHED)),
        ),
        number(
            About(
                "Edits of the policy that were refused",
                "In the time shown. The one before is in force; a restart would not come up with the one refused.",
                COUNT,
                6,
                ((None, GOOD), (1, FAIR)),
                "PolicyReloadRefused",
            ),
            Query(in_range(names.RELOADS, where={"result": "refused"})),
        ),
    ),
)
TIME: Final = Row(
    "Time",
    (
        lines(
            About("Stages: half of the requests", "Waiting included: dispatch waits for model servers.", SECONDS, 8),
            Query(quantile(0.5, names.STAGE, "stage"), "{{stage}}"),
        ),
        lines(
            About(
                "Stages: 99 % of the requests", "A stage of ours that grows: see what else the worker does.", SECONDS, 8
            ),
            Query(quantile(0.99, names.STAGE, "stage"), "{{stage}}"),
        ),
        lines(
            About(
                "What the gateway adds",
                "A request's time less the time spent waiting for others.",
                SECONDS,
                8,
                ((None, GOOD), (0.025, BAD)),
                "OverheadHigh",
            ),
            Query(quantile(0.5, names.OVERHEAD, "stream"), "P50, stream: {{stream}}"),
            Query(quantile(0.99, names.OVERHEAD, "stream"), "P99, stream: {{stream}}"),
        ),
        heat(
            About(
                "How late timers come",
                "Sampled twenty times a second. The log names the task and the frames that held the loop up.",
                SECONDS,
                12,
                runbook="LoopStalls",
            ),
            Query(buckets(workers.LOOP_STALL), "{{le}}"),
        ),
        lines(
            About("How late timers come, by worker", "99 % come no later.", SECONDS, 12, runbook="LoopStalls"),
            Query(quantile(0.99, workers.LOOP_STALL, "instance", "worker"), "{{instance}} worker {{worker}}"),
        ),
    ),
)
ROOM: Final = Row(
    "Room",
    (
        lines(
            About(
                "Requests under way, and how many may be",
                "The limit sinks where the event loop is late; at the limit, requests wait.",
                COUNT,
                8,
                runbook="Shedding",
            ),
            Query(total(names.IN_FLIGHT), "under way"),
            Query(total(workers.ADMISSION_LIMIT), "may be"),
        ),
        lines(
            About(
                "Requests that wait", "For one under way to end, each tenant in its own part of the queue.", COUNT, 8
            ),
            Query(total(workers.WAITING), "waiting"),
        ),
        layers(
            About("Requests told to come back", "A second. They get a 503 with retry-after.", PER_SECOND, 8),
            Query(per_second(workers.SHED, "instance"), "{{instance}}"),
        ),
    ),
)
BATCH: Final = Row(
    "Batch requests",
    (
        lines(
            About(
                "Batch requests that wait, and those under way",
                "They come in while there is room to spare: more wait where interactive requests take it.",
                COUNT,
                8,
            ),
            Query(total(batch.BATCH_WAITING), "waiting"),
            Query(total(batch.BATCH_IN_FLIGHT), "under way"),
        ),
        layers(
            About(
                "What became of batch requests",
                "A second. expired: no room in the time that they had; shed: turned away; unneeded: a kept answer.",
                PER_SECOND,
                8,
            ),
            Query(per_second(batch.BATCH_REQUESTS, "ending"), "{{ending}}"),
        ),
        lines(
            About(
                "How long batch requests wait", "For room: half of those that were let in, and all but 1 %.", SECONDS, 8
            ),
            Query(quantile(0.5, batch.BATCH_WAIT, where={"ending": "admitted"}), "P50"),
            Query(quantile(0.99, batch.BATCH_WAIT, where={"ending": "admitted"}), "P99"),
        ),
    ),
)
POLICY: Final = Row(
    "Policy, model, workers",
    (
        states(
            About(
                "Which policy is in force?",
                "One bar a policy. Two at once: not all gateways have the same file, or one has refused it.",
                COUNT,
                12,
                runbook="PoliciesDiffer",
            ),
            {1: ("in force", GOOD)},
            Query(f"max by (snapshot) ({names.SNAPSHOT.name}{{{OURS}}})", "{{snapshot}}"),
        ),
        lines(
            About(
                "Reloads",
                "In the time shown: edits of the policy, and new difficulty models.",
                COUNT,
                12,
                runbook="PolicyReloadRefused",
            ),
            Query(in_range(names.RELOADS, "result"), "policy {{result}}"),
            Query(in_range(names.ARTEFACT_RELOADS, "result"), "difficulty model {{result}}"),
        ),
        rows(
            About(
                "Workers seen",
                "Scrapes that each was in, in the time shown. Whichever a scrape reaches answers for all on its port.",
                COUNT,
                8,
                runbook="WorkerGone",
            ),
            Query(f"count_over_time({names.IN_FLIGHT.name}{{{OURS}}}[$__range])", "Scrapes"),
        ),
        lines(
            About("Time of a scrape", "A gateway that is slow to answer Prometheus is slow to answer all.", SECONDS, 8),
            Query(f"scrape_duration_seconds{{{OURS}}}", "{{instance}}"),
        ),
        lines(
            About(
                "What was lost",
                "In the time shown: lines of the request log, training records, spans, answers for the cache. No "
                "request suffers; what would tell of it does.",
                COUNT,
                8,
                ((None, GOOD), (1, BAD)),
                "RecordsLost",
            ),
            *(Query(in_range(metric), metric.name.removeprefix("tiergate_").removesuffix("_total")) for metric in LOST),
        ),
    ),
)
INTERNALS: Final = Board(
    "tiergate-internals",
    "Gateway internals",
    "Whether the gateway keeps time, has room, runs the policy it should, and loses nothing of what it writes.",
    (),
    (WELL, TIME, ROOM, BATCH, POLICY),
)
