"""Whether a caller says that nobody waits for the answer. Read totally: a priority, or a clear 400."""

from typing import Final

from gateway.domain.batch import Priority
from gateway.domain.errors import ErrorCode, GatewayError
from gateway.wire.headers import PRIORITY_HEADER, Headers, header

_PRIORITIES: Final = {priority.value.encode(): priority for priority in Priority}


def asked_priority(headers: Headers) -> Priority:
    """Return what the caller asks for. Raises GatewayError `invalid_value`."""
    value = header(headers, PRIORITY_HEADER)
    if value is None:
        return Priority.INTERACTIVE
    priority = _PRIORITIES.get(value.strip())
    if priority is None:
        told = PRIORITY_HEADER.decode()
        message = f"The header {told} must be `batch`, or `interactive` as without it."
        raise GatewayError(ErrorCode.INVALID_VALUE, message, param=told)
    return priority
