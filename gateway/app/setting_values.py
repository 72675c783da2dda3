"""How the text of a setting is read. Each raises ValueError with what the value must be."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from gateway.domain.tier import Secret
from gateway.policy.scales import SIZE

REDIS_SCHEMES: Final = (
    "redis://",
    "rediss://",
    "unix://",
    "redis+sentinel://",
    "redis+cluster://",
    "rediss+cluster://",
)
MEMORY_BYTES_MIN: Final = 1024**2
MEMORY_BYTES_MAX: Final = 64 * 1024**3
CACHE_SECRET_CHARS_MIN: Final = 16
"""Shorter ones can be guessed by whoever can read the cache."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen; port 0 stands for any free one."""

    host: str
    port: int


def host(text: str) -> str:
    """Read an address or a host name."""
    if not text or any(character.isspace() or character in "/@" for character in text):
        raise ValueError("must be an address or a host name, without a port")
    return text


def whole(low: int, high: int) -> Callable[[str], int]:
    """Make a reader of whole numbers from `low` to `high`."""

    def parse(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not low <= int(text[:9]) <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return int(text)

    return parse


def one_of(*names: str) -> Callable[[str], str]:
    """Make a reader of one of these words."""

    def parse(text: str) -> str:
        if text not in names:
            raise ValueError(f"must be one of {', '.join(names)}")
        return text

    return parse


def seconds(text: str) -> float:
    """Read a number of seconds, within a day."""
    try:
        value = float(text.removesuffix("s"))
    except ValueError:
        value = -1.0
    if not 0.0 <= value <= 86_400.0:
        raise ValueError("must be a number of seconds from 0 to 86400")
    return value


def share(text: str) -> float:
    """Read a share."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0.0 <= value <= 1.0:
        raise ValueError("must be a number from 0 to 1")
    return value


def collector(text: str) -> str | None:
    """Read a collector's URL; None for an empty text."""
    if not text:
        return None
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("must begin with http:// or https:// and name a host")
    if parts.username is not None:
        raise ValueError("must not hold a password: OTEL_EXPORTER_OTLP_HEADERS is the place for one")
    return text


def redis_url(text: str) -> Secret | None:
    """Read the URL of a Redis, which may hold a password; None for an empty text."""
    if not text:
        return None
    if not text.startswith(REDIS_SCHEMES):
        raise ValueError(f"must begin with {', '.join(REDIS_SCHEMES[:-1])} or {REDIS_SCHEMES[-1]}")
    return Secret(text)


def memory(text: str) -> int:
    """Read a size in bytes."""
    size_bytes = SIZE.read(text)
    if size_bytes is None or not MEMORY_BYTES_MIN <= size_bytes <= MEMORY_BYTES_MAX:
        raise ValueError("must be a size from 1MiB to 65536MiB, such as 64MiB")
    return int(size_bytes)


def cache_secret(text: str) -> Secret | None:
    """Read a secret; None for an empty text."""
    if not text:
        return None
    if len(text) < CACHE_SECRET_CHARS_MIN:
        raise ValueError(f"must have at least {CACHE_SECRET_CHARS_MIN} characters")
    return Secret(text)


PORT: Final = whole(0, 65_535)


def admin(text: str) -> Address | None:
    """Read a port, or an address with one; None for an empty text."""
    if not text:
        return None
    name, colon, port = text.rpartition(":")
    try:
        address = Address(host(name.removeprefix("[").removesuffix("]")) if colon else "127.0.0.1", PORT(port))
    except ValueError as error:
        raise ValueError("must be a port, such as 8081, or an address with one, such as 127.0.0.1:8081") from error
    return address


def directory(text: str) -> Path | None:
    """Read a path; None for an empty text."""
    return Path(text) if text else None
