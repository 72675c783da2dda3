"""Secrets that a policy refers to: `env:NAME` in the environment, `file:/path` in a file, as Kubernetes mounts them."""

import re
from collections.abc import Mapping
from pathlib import Path

from gateway.domain.tier import Secret

MAX_BYTES = 16 * 1024
"""Longer than any bearer token, JSON web tokens included."""

_SENDABLE = re.compile(r"[!-~]+(?: [!-~]+)*")
"""What fits into an `Authorization` header: anything else could end the header and begin another."""


class Secrets:
    """Looks references up when it is called. What is wrong comes back as a text that does not hold the secret."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def __call__(self, reference: str) -> Secret | str:
        """Return the secret behind `env:NAME` or `file:/path`, or what is wrong with it."""
        kind, _, name = reference.partition(":")
        if kind == "env":
            value = self._environment.get(name)
            where = f"the environment variable {name}"
            return f"{where} is not set" if value is None else _checked(value, where)
        if kind == "file":
            return _from_file(Path(name))
        return "it is neither env:NAME nor file:/path"


def _from_file(path: Path) -> Secret | str:
    where = f"the file {path}"
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        return f"{where} cannot be read: {reason}"
    if len(content) > MAX_BYTES:
        return f"{where} holds more than {MAX_BYTES // 1024} KiB"
    return _checked(content.decode("utf-8", "replace").rstrip("\r\n"), where)


def _checked(value: str, where: str) -> Secret | str:
    if not value.strip():
        return f"{where} is empty"
    if _SENDABLE.fullmatch(value) is None:
        return f"{where} holds a character that cannot be sent in a header, such as a line break"
    return Secret(value)
