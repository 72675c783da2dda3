"""What a request's head must be, beyond what the parser insists on.

llhttp, which httptools wraps, refuses by itself: Transfer-Encoding together with Content-Length, a repeated, signed,
empty or joined Content-Length, bare CR or LF, folded lines, control characters, whitespace before a colon, and bad
chunk sizes. The corpus in `tests/e2e/test_edge_protocol_framing.py` holds it to that. Here is the rest.
"""

import ipaddress
import re
from collections.abc import Sequence
from functools import lru_cache

from gateway.domain.errors import ErrorCode, GatewayError
from gateway.domain.limits import EdgeLimits

_WATCHED = frozenset({b"host", b"transfer-encoding"})

_SEPARATORS_BYTES = 4
"""Colon, space, CR and LF of each header line count towards its size."""

_HOST_LIMIT_BYTES = 255 + len(":65535")
"""The longest DNS name, and a port."""

_NAME = re.compile(rb"[A-Za-z0-9._-]+(?::[0-9]{1,5})?")
"""A DNS name or IPv4 address. Underscores are no host names by the book, but container networks use them."""

_BRACKETED = re.compile(rb"\[([0-9A-Fa-f:.]+)\](?::[0-9]{1,5})?")


def check_head(url: bytes, http_version: str, headers: Sequence[tuple[bytes, bytes]], limits: EdgeLimits) -> None:
    """Raise GatewayError for a head that is too large or that two servers might read differently.

    Header names are in lower case.
    """
    _check_url(url, limits)
    if http_version != "1.1" and http_version != "1.0":
        raise bad_head("This gateway speaks HTTP/1.1 and HTTP/1.0.")
    if len(headers) > limits.headers:
        raise GatewayError(
            ErrorCode.HEADERS_TOO_LARGE,
            f"The request has more than {limits.headers} headers, the limit of this gateway.",
        )
    size_bytes = hosts = codings = 0
    for name, value in headers:
        size_bytes += len(name) + len(value)
        if name in _WATCHED:
            if name == b"host":
                hosts += 1
                if not _is_host(value):
                    raise bad_head("The Host header must be a host name or address, with a port or without.")
            else:
                codings += 1
                if value.lower() != b"chunked":
                    raise bad_head("Transfer-Encoding may only be chunked.")
    if size_bytes + len(headers) * _SEPARATORS_BYTES > limits.headers_bytes:
        raise headers_too_large(limits)
    if hosts > 1 or (not hosts and http_version == "1.1"):
        raise bad_head("A request needs exactly one Host header.")
    if codings and (codings > 1 or http_version == "1.0"):
        raise bad_head("Transfer-Encoding may be given once, and not in HTTP/1.0.")


def headers_too_large(limits: EdgeLimits) -> GatewayError:
    """Say that the headers are larger than allowed."""
    return GatewayError(
        ErrorCode.HEADERS_TOO_LARGE,
        f"The request's headers are larger than {limits.headers_bytes} bytes, the limit of this gateway.",
    )


def url_too_long(limits: EdgeLimits) -> GatewayError:
    """Say that the URL is longer than allowed."""
    return bad_head(f"The URL is longer than {limits.url_bytes} bytes, the limit of this gateway.")


def head_too_slow(limits: EdgeLimits) -> GatewayError:
    """Say that the head took longer than it may."""
    return GatewayError(
        ErrorCode.REQUEST_TIMEOUT, f"The request's headers did not arrive within {limits.headers_timeout_s:g} s."
    )


def bad_head(message: str) -> GatewayError:
    """Refuse what may mean one thing to us and another to a proxy in front; the connection is closed with it."""
    return GatewayError(ErrorCode.BAD_REQUEST_LINE, message)


def _check_url(url: bytes, limits: EdgeLimits) -> None:
    if len(url) > limits.url_bytes:
        raise url_too_long(limits)
    if not url.startswith(b"/") or b"#" in url:
        raise bad_head("The request line must name a path that begins with a slash, without a fragment.")


@lru_cache(maxsize=64)
def _is_host(value: bytes) -> bool:
    """Remembers the few names under which a gateway is known: 0.1 instead of 0.5 µs."""
    if len(value) > _HOST_LIMIT_BYTES:
        return False
    if _NAME.fullmatch(value):
        return True
    bracketed = _BRACKETED.fullmatch(value)
    return bracketed is not None and _is_ipv6(bracketed[1])


def _is_ipv6(text: bytes) -> bool:
    try:
        ipaddress.IPv6Address(text.decode("ascii"))
    except ValueError:
        return False
    return True
