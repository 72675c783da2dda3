"""Whether every key of a body is given once: what two readers would read differently is not passed on."""

from typing import Any, Final

import msgspec

from gateway.domain.errors import ErrorCode, GatewayError
from gateway.wire.json_shape import count_members, skeleton, top_members

_KEY_BYTES_MAX: Final = 256
_COMPACT = msgspec.json.Encoder()


def check_keys(body: bytes, plain: dict[str, Any]) -> bool:
    """Tell whether a body is written as compactly as it can be; `plain` is what it was decoded to.

    Raises GatewayError `duplicate_key`.
    """
    # Encoding what was decoded gives the same bytes only if nothing was written twice or in a roundabout way.
    is_compact = _COMPACT.encode(plain) == body
    if not is_compact and skeleton(body).count(b":") != count_members(plain):
        raise _duplicate_key(body)
    return is_compact


def _duplicate_key(body: bytes) -> GatewayError:
    seen: set[str] = set()
    param = None
    for member in top_members(body):
        if member.key in seen:
            param = member.key[:_KEY_BYTES_MAX]
            break
        seen.add(member.key)
    where = f"'{param}' is given twice" if param else "An object in the body holds the same key twice"
    return GatewayError(
        ErrorCode.DUPLICATE_KEY, f"{where}, so it can be read in two ways. Send each key once.", param=param
    )
