"""Chance: for draws that nobody needs to foresee, and for names that nobody may."""

import random
import secrets
from collections.abc import Callable

from gateway.domain.ids import RequestId

uniform: Callable[[], float] = random.random
"""A number in [0, 1), each time another."""


def new_request_id() -> RequestId:
    """Make an id that cannot be guessed: 96 random bits."""
    return RequestId("req_" + secrets.token_hex(12))
