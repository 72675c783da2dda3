"""The model servers of the tiers, one by one: a row of the dashboard of the tiers."""

from typing import Final

from deploy.grafana.board import Row
from deploy.grafana.panels import BAD, COUNT, FAIR, GOOD, PER_SECOND, About, Query, layers, lines, states
from deploy.grafana.promql import in_range, least, most, per_second, total
from gateway.adapters import metrics_endpoint_names as endpoints

OF_ENDPOINTS: Final = {"endpoint": "$tier/.*"}
"""An endpoint is named by its tier and its place there."""

SERVERS: Final = Row(
    "Model servers",
    (
        states(
            About(
                "Which servers may be given requests?",
                "Green: yes. Red: out, or as many requests under way as it may have, at one worker at least.",
                COUNT,
                12,
                runbook="EndpointOut",
            ),
            {1: ("yes", GOOD), 0: ("no", BAD)},
            Query(least(endpoints.ENDPOINT_AVAILABLE, "endpoint", where=OF_ENDPOINTS), "{{endpoint}}"),
        ),
        layers(
            About(
                "States of servers",
                "How many workers hold a server for what. ejected: given up; probing: asked for single tokens; "
                "ramping: coming back; busy: it asked to be left alone; gray: much slower than its peers.",
                COUNT,
                12,
                runbook="EndpointOut",
            ),
            Query(total(endpoints.ENDPOINT_STATE, "state", where=OF_ENDPOINTS), "{{state}}"),
        ),
        lines(
            About(
                "Calls under way, and the limit",
                "Where the first meets the second, requests go elsewhere. The limit moves with how the server fares.",
                COUNT,
                8,
            ),
            Query(total(endpoints.ENDPOINT_IN_FLIGHT, "endpoint", where=OF_ENDPOINTS), "{{endpoint}}"),
            Query(total(endpoints.ENDPOINT_LIMIT, "endpoint", where=OF_ENDPOINTS), "{{endpoint}} may have"),
        ),
        lines(
            About(
                "Slower than its peers?",
                "How many times later a server's answers begin than those of its tier's other servers.",
                COUNT,
                8,
                ((None, GOOD), (2, FAIR)),
                "EndpointGray",
            ),
            Query(most(endpoints.ENDPOINT_SLOWNESS, "endpoint", where=OF_ENDPOINTS), "{{endpoint}}"),
        ),
        lines(
            About(
                "What servers say of their load",
                "Requests running and waiting, and the share of the cache for prompts in use, where they say so.",
                COUNT,
                8,
            ),
            Query(most(endpoints.ENDPOINT_LOAD, "endpoint", "kind", where=OF_ENDPOINTS), "{{endpoint}} {{kind}}"),
        ),
        lines(
            About(
                "Servers given up",
                "In the time shown, by cause. credentials: our key for it is wrong, and no waiting mends that.",
                COUNT,
                8,
                runbook="EndpointFlaps",
            ),
            Query(
                in_range(endpoints.ENDPOINT_EJECTIONS, "endpoint", "cause", where=OF_ENDPOINTS),
                "{{endpoint}}: {{cause}}",
            ),
        ),
        layers(
            About(
                "Single tokens asked of servers",
                "To see whether they serve again. What they cost is charged to nobody.",
                PER_SECOND,
                8,
            ),
            Query(
                per_second(endpoints.ENDPOINT_PROBES, "endpoint", "result", where=OF_ENDPOINTS),
                "{{endpoint}}: {{result}}",
            ),
        ),
        lines(
            About(
                "Requests that kill servers",
                "Answered with an error for some minutes because model servers died of them.",
                COUNT,
                8,
                ((None, GOOD), (1, BAD)),
                "RequestsQuarantined",
            ),
            Query(most(endpoints.QUARANTINED), "quarantined"),
        ),
    ),
)
