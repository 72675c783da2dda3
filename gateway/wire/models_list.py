"""The bodies of `GET /v1/models` and of what lies below it, in the shapes of OpenAI's and Anthropic's APIs at once.

Both APIs have these paths.
"""

from collections.abc import Iterable
from typing import Final

import msgspec

CREATED_S: Final = 1_735_689_600
CREATED_AT: Final = "2025-01-01T00:00:00Z"
"""Clients expect a time. An alias has none of its own, so all have one that never changes."""


def models_list(names: Iterable[str]) -> bytes:
    """List what a client may name as `model`, in the order given and on one page."""
    data = [_model(name) for name in names]
    first, last = (data[0]["id"], data[-1]["id"]) if data else (None, None)
    page = {"has_more": False, "first_id": first, "last_id": last}
    return msgspec.json.encode({"object": "list", "data": data, **page})


def one_model(name: str) -> bytes:
    """Describe one of them, as the list does."""
    return msgspec.json.encode(_model(name))


def _model(name: str) -> dict[str, object]:
    shared = {"id": name, "object": "model", "created": CREATED_S, "owned_by": "tiergate"}
    return shared | {"type": "model", "display_name": name, "created_at": CREATED_AT}
