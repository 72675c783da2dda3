"""Limits at the edge, checked before anything is built from a request."""

from gateway.domain.noun import noun


@noun
class EdgeLimits:
    """Largest sizes and counts accepted from a client. Defaults are the policy's defaults."""

    body_bytes: int = 8 * 1024 * 1024
    depth: int = 32
    messages: int = 2_048
    tools: int = 128
    stop: int = 16
    stop_bytes: int = 256
    choices: int = 16
    top_logprobs: int = 20
    headers: int = 100
    headers_bytes: int = 32 * 1024
    url_bytes: int = 2_048
    headers_timeout_s: float = 10.0
    body_timeout_s: float = 30.0
    sse_line_bytes: int = 1024 * 1024
    sse_event_bytes: int = 2 * 1024 * 1024
    in_flight: int = 2_000
    in_flight_per_key: int = 64
    queue: int = 256
    queue_wait_s: float = 2.0
    loop_lag_s: float | None = 0.01
    """None does not adapt to the event loop's lag."""
    remote_images: bool = True
