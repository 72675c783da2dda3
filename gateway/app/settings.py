"""What differs from one machine to the next: read from the environment and the command line, once, at the start.

What operators tune while the gateway runs is in the policy. No other module reads the environment.
"""

import difflib
import ipaddress
import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from gateway.domain.tier import Secret
from gateway.policy.scales import SIZE

PREFIX = "TIERGATE_"

LOG_LEVELS = ("debug", "info", "warning", "error")
REQUEST_LOGS = ("stdout", "stderr", "off")

_REDIS_SCHEMES = (
    "redis://",
    "rediss://",
    "unix://",
    "redis+sentinel://",
    "redis+cluster://",
    "rediss+cluster://",
)
_MEMORY_BYTES_MIN, _MEMORY_BYTES_MAX = 1024**2, 64 * 1024**3

CACHE_SECRET_CHARS_MIN = 16
"""Shorter ones can be guessed by whoever can read the cache."""


EXIT_CANNOT_START = 3
"""Exit code: settings, policy, port or artefacts are not as they must be. uvicorn has the same for a failed start."""


class LogFormat(StrEnum):
    """How events are written."""

    AUTO = "auto"
    """Text on a terminal, JSON elsewhere."""
    JSON = "json"
    TEXT = "text"


class CannotStart(Exception):
    """The gateway cannot start. The message says what is wrong and how to mend it."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen; port 0 stands for any free one."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings, checked. `TABLE` says what each is for."""

    policy: Path
    host: str
    port: int
    workers: int
    redis_url: Secret | None
    cache_secret: Secret | None
    artefacts: Path | None
    """None stands for the packaged ones."""
    log_level: str
    log_format: LogFormat
    request_log: str
    lame_duck_s: float
    drain_s: float
    state: Path | None
    """None keeps nothing on disk."""
    cache_memory_bytes: int
    """Of each worker."""
    admin: Address | None
    """Of the first worker; each further one listens a port higher. None for no admin listener."""

    @property
    def is_loopback(self) -> bool:
        """Tell whether only this machine can reach the gateway."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def with_cache_secret(self) -> "Settings":
        """Make up a cache secret where none is set: every worker must be given the same one."""
        return self if self.cache_secret is not None else replace(self, cache_secret=Secret(secrets.token_hex(32)))


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table. `default` is text as one would write it; empty means not set.

    `parse` raises ValueError with what the value must be.
    """

    name: str
    default: str
    sentence: str
    parse: Callable[[str], object]

    @property
    def variable(self) -> str:
        """Return the name of the environment variable."""
        return PREFIX + self.name.upper()

    @property
    def option(self) -> str:
        """Return the option of `tiergate serve`."""
        return "--" + self.name.replace("_", "-")


def _host(text: str) -> str:
    if not text or any(character.isspace() or character in "/@" for character in text):
        raise ValueError("must be an address or a host name, without a port")
    return text


def _whole(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not low <= int(text[:9]) <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return int(text)

    return parse


def _one_of(*names: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in names:
            raise ValueError(f"must be one of {', '.join(names)}")
        return text

    return parse


def _seconds(text: str) -> float:
    try:
        value = float(text.removesuffix("s"))
    except ValueError:
        value = -1.0
    if not 0.0 <= value <= 86_400.0:
        raise ValueError("must be a number of seconds from 0 to 86400")
    return value


def _redis_url(text: str) -> Secret | None:
    if not text:
        return None
    if not text.startswith(_REDIS_SCHEMES):
        raise ValueError(f"must begin with {', '.join(_REDIS_SCHEMES[:-1])} or {_REDIS_SCHEMES[-1]}")
    return Secret(text)


def _memory(text: str) -> int:
    size_bytes = SIZE.read(text)
    if size_bytes is None or not _MEMORY_BYTES_MIN <= size_bytes <= _MEMORY_BYTES_MAX:
        raise ValueError("must be a size from 1MiB to 65536MiB, such as 64MiB")
    return int(size_bytes)


def _cache_secret(text: str) -> Secret | None:
    if not text:
        return None
    if len(text) < CACHE_SECRET_CHARS_MIN:
        raise ValueError(f"must have at least {CACHE_SECRET_CHARS_MIN} characters")
    return Secret(text)


def _admin(text: str) -> Address | None:
    if not text:
        return None
    host, colon, port = text.rpartition(":")
    try:
        address = Address(_host(host.removeprefix("[").removesuffix("]")) if colon else "127.0.0.1", _PORT(port))
    except ValueError as error:
        raise ValueError("must be a port, such as 8081, or an address with one, such as 127.0.0.1:8081") from error
    return address


def _directory(text: str) -> Path | None:
    return Path(text) if text else None


_PORT = _whole(0, 65_535)

TABLE: tuple[Setting, ...] = (
    Setting("policy", "policies/default.yaml", "The policy file; it is watched for changes.", Path),
    Setting("host", "127.0.0.1", "The address to listen on. A policy without tenants allows loopback only.", _host),
    Setting("port", "8080", "The port to listen on; 0 takes any free one.", _PORT),
    Setting("workers", "1", "Processes that share the port; one serves one core.", _whole(1, 256)),
    Setting("redis_url", "", "Where workers and replicas share budgets, limits and the cache; a secret.", _redis_url),
    Setting(
        "cache_secret",
        "",
        "Keeps tenants' cache keys apart; the same for all replicas of one cache. Made up at the start when not set.",
        _cache_secret,
    ),
    Setting(
        "artefacts",
        "",
        "The directory of the difficulty model, which is watched for a new one; the packaged one when not set.",
        _directory,
    ),
    Setting("log_level", "info", f"How much is logged: {', '.join(LOG_LEVELS)}.", _one_of(*LOG_LEVELS)),
    Setting(
        "log_format",
        "auto",
        "How that is written to standard error: json, one object a line; text; or auto, which is text on a terminal "
        "and json elsewhere.",
        lambda text: LogFormat(_one_of(*LogFormat)(text)),
    ),
    Setting(
        "request_log",
        "stdout",
        "Where a line of JSON is written for each request: stdout, stderr, or off.",
        _one_of(*REQUEST_LOGS),
    ),
    Setting(
        "lame_duck_s",
        "10",
        "How long a gateway that is told to stop (SIGTERM) says that it is not ready and yet takes requests, until "
        "whoever deals them out has noticed. Ctrl-C does not wait.",
        _seconds,
    ),
    Setting("drain_s", "120", "How long requests may then take to finish before they are broken off.", _seconds),
    Setting(
        "state",
        "",
        "A directory for labels (where no Redis has them) and training records; without it nothing is written.",
        _directory,
    ),
    Setting(
        "cache_memory_bytes",
        "64MiB",
        "What kept answers may take of each worker's memory; 64MiB hold some thirty thousand of 2 kB. What they take "
        "of Redis is bounded by its own `maxmemory`.",
        _memory,
    ),
    Setting(
        "admin",
        "",
        "Where the console is, as PORT (for this machine only) or ADDRESS:PORT; each further worker is a port higher. "
        "Nobody is asked for a key there. Without it there is no console.",
        _admin,
    ),
)
"""Every setting: field of `Settings`, default, and what it is for. Documentation is compared with it."""


def environment() -> Mapping[str, str]:
    """Return the process's environment, for whoever resolves a policy's `env:` references."""
    return os.environ


def read_settings(variables: Mapping[str, str], overrides: Mapping[str, object]) -> Settings:
    """Read every setting: the override if it is not None, else the variable if it is not empty, else the default.

    Raises CannotStart with all problems at once.
    """
    problems = _misspelt(variables)
    values: dict[str, object] = {}
    for setting in TABLE:
        given = overrides.get(setting.name)
        source = setting.variable if given is None else setting.option
        text = variables.get(setting.variable) or setting.default if given is None else str(given)
        try:
            values[setting.name] = setting.parse(text)
        except ValueError as error:
            problems.append(f"{source} {error}")
    if problems:
        raise CannotStart("\n".join(problems))
    return _settings(values)


def _settings(values: Mapping[str, object]) -> Settings:
    return Settings(**values)  # type: ignore[arg-type]  # each row's parse returns its field's type; a test checks it


def _misspelt(variables: Mapping[str, str]) -> list[str]:
    """Find variables that are almost one of ours. Others with the prefix may hold keys that a policy refers to."""
    known = [setting.variable for setting in TABLE]
    problems = []
    for name in sorted(variables):
        if name.startswith(PREFIX) and name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.88)
            problems += [f"{name} is not a setting; did you mean {near[0]}?"] if near else []
    return problems
