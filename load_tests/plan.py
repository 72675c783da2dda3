"""What a load is: how many connections, at what rate, for how long, with which body. Loopback only."""

import ipaddress
from dataclasses import dataclass

MAX_DURATION_S = 120.0
MAX_REQUESTS = 5_000_000
MAX_CONNECTIONS = 4_096
COUNTER_DIGITS = 8
COUNTER = "0" * COUNTER_DIGITS
"""Stands in a body where every request writes its own number: bodies then differ, their length does not."""


class RefusedLoad(ValueError):
    """The load would be unbounded, or would leave this machine."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One load. `rate_per_s` None is a closed loop, where each connection asks again as soon as it is answered.

    In an open loop a request is due every 1/rate seconds whether or not the server keeps up, and its latency counts
    from then. It ends after `duration_s` or `max_requests`, whichever comes first; what ends within `warmup_s` is not
    recorded.
    """

    port: int
    body: bytes
    host: str = "127.0.0.1"
    path: str = "/v1/chat/completions"
    connections: int = 64
    rate_per_s: float | None = None
    duration_s: float = 5.0
    warmup_s: float = 0.0
    max_requests: int = MAX_REQUESTS
    stream: bool = False
    marker: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    may_be_shed: bool = False
    """Whether an answer 429 or 503 is a request turned away, and no wrong reply."""

    def __post_init__(self) -> None:
        _refuse_other_machines(self.host)
        _refuse_unless(self.duration_s > 0 and self.duration_s + self.warmup_s <= MAX_DURATION_S, "duration", "120 s")
        _refuse_unless(0 < self.max_requests <= MAX_REQUESTS, "requests", f"{MAX_REQUESTS:,}")
        _refuse_unless(0 < self.connections <= MAX_CONNECTIONS, "connections", f"{MAX_CONNECTIONS:,}")
        _refuse_unless(self.rate_per_s is None or self.rate_per_s > 0, "rate", "any positive number")

    def request_parts(self) -> tuple[bytes, bytes | None]:
        """Return the whole request; or, where the body holds the counter, what goes before and after it."""
        head = (
            f"POST {self.path} HTTP/1.1\r\nhost: {self.host}:{self.port}\r\ncontent-type: application/json\r\n"
            f"accept: */*\r\nuser-agent: tiergate-load\r\ncontent-length: {len(self.body)}\r\n"
        )
        head += "".join(f"{name}: {value}\r\n" for name, value in self.headers) + "\r\n"
        request = head.encode() + self.body
        before, counter, after = request.partition(COUNTER.encode())
        return (before, after) if counter else (request, None)


def _refuse_unless(sound: bool, what: str, largest: str) -> None:
    if not sound:
        raise RefusedLoad(f"the {what} of a load must be above 0 and at most {largest}")


def _refuse_other_machines(host: str) -> None:
    try:
        is_loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_loopback = False
    if not is_loopback:
        raise RefusedLoad(f"{host!r} is not a loopback address: this driver loads only the machine that it runs on")
