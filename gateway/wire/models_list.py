"""The body of `GET /v1/models`."""

from collections.abc import Iterable
from typing import Final

import msgspec

CREATED_S: Final = 1_735_689_600
"""Clients expect a time. An alias has none of its own, so all have one that never changes: 2025-01-01."""


def models_list(names: Iterable[str]) -> bytes:
    """List what a client may name as `model`, in OpenAI's shape and in the order given."""
    data = [{"id": name, "object": "model", "created": CREATED_S, "owned_by": "tiergate"} for name in names]
    return msgspec.json.encode({"object": "list", "data": data})
