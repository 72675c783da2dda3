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

from gateway.adapters.semantic_ways import IN_PROCESS, SERVER_SEARCHES
from gateway.app import setting_values as read
from gateway.app.setting_values import Address
from gateway.domain.tier import Secret

PREFIX = "TIERGATE_"

LOG_LEVELS = ("debug", "info", "warning", "error")
REQUEST_LOGS = ("stdout", "stderr", "off")

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
    otlp_endpoint: str | None
    """None sends nothing to a collector."""
    trace_sample: float
    trace_slow_s: float
    lame_duck_s: float
    drain_s: float
    state: Path | None
    """None keeps nothing on disk."""
    cache_memory_bytes: int
    """Of each worker."""
    semantic_index: str
    """`IN_PROCESS`, or one of `SERVER_SEARCHES`."""
    admin: Address | None
    """Of the first worker; each further one listens a port higher. None for no admin listener."""
    peers: Path | None = None
    """Where the workers of this gateway ask each other; made at the start, and set by nobody. None for a single one."""

    @property
    def is_loopback(self) -> bool:
        """Tell whether only this machine can reach the gateway, which answers requests by its admin listener, too."""
        return _is_loopback(self.host) and (self.admin is None or _is_loopback(self.admin.host))

    def with_cache_secret(self) -> "Settings":
        """Make up a cache secret where none is set: every worker must be given the same one."""
        return self if self.cache_secret is not None else replace(self, cache_secret=Secret(secrets.token_hex(32)))


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table. `default` is text as one would write it; empty means not set.

    `parse` raises ValueError with what the value must be.
    """

    name: str
    default: str
    sentence: str
    parse: Callable[[str], object]
    prefix: str = PREFIX

    @property
    def variable(self) -> str:
        """Return the name of the environment variable."""
        return self.prefix + self.name.upper()

    @property
    def option(self) -> str:
        """Return the option of `tiergate serve`."""
        return "--" + self.name.replace("_", "-")


TABLE: tuple[Setting, ...] = (
    Setting("policy", "policies/default.yaml", "The policy file; it is watched for changes.", Path),
    Setting("host", "127.0.0.1", "The address to listen on. A policy without tenants allows loopback only.", read.host),
    Setting("port", "8080", "The port to listen on; 0 takes any free one.", read.PORT),
    Setting("workers", "1", "Processes that share the port; one serves one core.", read.whole(1, 256)),
    Setting(
        "redis_url", "", "Where workers and replicas share budgets, limits and the cache; a secret.", read.redis_url
    ),
    Setting(
        "cache_secret",
        "",
        "Keeps tenants' cache keys apart; the same for all replicas of one cache. Made up at the start when not set.",
        read.cache_secret,
    ),
    Setting(
        "artefacts",
        "",
        "The directory of the difficulty model, which is watched for a new one; the packaged one when not set.",
        read.directory,
    ),
    Setting("log_level", "info", f"How much is logged: {', '.join(LOG_LEVELS)}.", read.one_of(*LOG_LEVELS)),
    Setting(
        "log_format",
        "auto",
        "How that is written to standard error: json, one object a line; text; or auto, which is text on a terminal "
        "and json elsewhere.",
        lambda text: LogFormat(read.one_of(*LogFormat)(text)),
    ),
    Setting(
        "request_log",
        "stdout",
        "Where a line of JSON is written for each request: stdout, stderr, or off.",
        read.one_of(*REQUEST_LOGS),
    ),
    Setting(
        "otlp_endpoint",
        "",
        "The collector that spans and metrics are sent to by OTLP over HTTP, such as http://collector:4318; needs "
        "the extra `otel`. The exporters read OpenTelemetry's other variables, OTEL_EXPORTER_OTLP_HEADERS, "
        "OTEL_SERVICE_NAME and so on, by themselves.",
        read.collector,
        prefix="OTEL_EXPORTER_",
    ),
    Setting(
        "trace_sample",
        "0.01",
        "Share of the traces that begin here whose spans are sent, from 0 to 1. A caller's own decision is followed, "
        "and requests that failed, fell back or were slow are always sent.",
        read.share,
    ),
    Setting(
        "trace_slow_s", "10", "From how many seconds on a request is slow, so that its spans are sent.", read.seconds
    ),
    Setting(
        "lame_duck_s",
        "10",
        "How long a gateway that is told to stop (SIGTERM) says that it is not ready and yet takes requests, until "
        "whoever deals them out has noticed. Ctrl-C does not wait.",
        read.seconds,
    ),
    Setting("drain_s", "120", "How long requests may then take to finish before they are broken off.", read.seconds),
    Setting(
        "state",
        "",
        "A directory for labels (where no Redis has them) and training records; without it nothing is written.",
        read.directory,
    ),
    Setting(
        "cache_memory_bytes",
        "64MiB",
        "What kept answers may take of each worker's memory; 64MiB hold some thirty thousand of 2 kB. What they take "
        "of Redis is bounded by its own `maxmemory`.",
        read.memory,
    ),
    Setting(
        "semantic_index",
        IN_PROCESS,
        "What finds like questions for semantic hits: process, each worker in its own memory, up to 10,000 of a scope; "
        "redis, the server, up to 100,000: by its vector sets (Redis 8) or else by RediSearch or valkey-search; or "
        "redis-vset or redis-ft, by one of them alone. A server that cannot leaves it to the workers.",
        read.one_of(IN_PROCESS, *SERVER_SEARCHES),
    ),
    Setting(
        "admin",
        "",
        "Where the console is, as PORT (for this machine only) or ADDRESS:PORT; each further worker is a port higher. "
        "Nobody is asked for a key there. Without it there is no console.",
        read.admin,
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
