"""What a model server says of its own load."""

from gateway.domain.noun import noun


@noun
class ServerLoad:
    """Requests that run and that wait, of everybody, and the share of the cache for prompts in use, if it is told."""

    running: int
    waiting: int
    kv_usage: float | None
