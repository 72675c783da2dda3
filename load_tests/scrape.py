"""Reads a histogram out of a gateway's `/metrics`, and what was added to it between two readings."""

import http.client
import math
import re
from collections import defaultdict
from collections.abc import Mapping

_BUCKET = re.compile(r'^(\w+)_bucket\{(?:[^}]*,)?le="([^"]+)"[^}]*\} ([0-9.e+]+)$', re.MULTILINE)

Buckets = Mapping[float, float]
"""How many observations do not exceed each bound, all series of a metric together."""


def scrape(port: int) -> str:
    """Return what `/metrics` says. Raises OSError."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/metrics")
        return connection.getresponse().read().decode()
    finally:
        connection.close()


def buckets_of(text: str, metric: str) -> Buckets:
    """Return a histogram's counts by bound; empty where there is none of that name."""
    counts: defaultdict[float, float] = defaultdict(float)
    for name, bound, count in _BUCKET.findall(text):
        if name == metric:
            counts[math.inf if bound == "+Inf" else float(bound)] += float(count)
    return counts


def added_bound(before: Buckets, after: Buckets, share: float) -> float | None:
    """Return the bound that this share of what came in between does not exceed; None where nothing came."""
    added = {bound: count - before.get(bound, 0.0) for bound, count in sorted(after.items())}
    total = max(added.values(), default=0.0)
    if not total:
        return None
    return next(bound for bound, count in added.items() if count >= share * total)
