"""What a translation into a chat cannot take along: the harmless is named, the rest needs a server of the dialect."""

from collections.abc import Collection
from typing import Any, Final

import msgspec

from gateway.domain.errors import ErrorCode, GatewayError

NAMES_MAX: Final = 32
"""More than any sound request leaves behind; it bounds what a receipt repeats."""
OTHERS: Final = "others"
_SORTED = msgspec.json.Encoder(order="sorted").encode


class Carriage:
    """Collects, while a request is translated, what stays behind."""

    __slots__ = ("_left", "refusal")

    def __init__(self) -> None:
        self._left: list[tuple[str, Any]] = []
        self.refusal: GatewayError | None = None
        """What its sender is told where no server of the dialect itself may be asked; the first thing found."""

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of what the answer does not need, each once, in the order in which they were found."""
        names = tuple(dict.fromkeys([name for name, _ in self._left]))
        return names if len(names) <= NAMES_MAX else (*names[:NAMES_MAX], OTHERS)

    @property
    def left(self) -> bytes:
        """Return what was left behind in canonical bytes; empty where nothing was."""
        return _SORTED(self._left) if self._left else b""

    def leave(self, name: str, value: Any) -> None:
        """Note what the answer does not need."""
        self._left.append((name, value))

    def leave_unknown(self, members: dict[str, Any], known: Collection[str], within: str) -> None:
        """Note the members of an object that its translation does not know."""
        for name, value in members.items():
            if name not in known:
                self._left.append((f"{within}.{name[:64]}", value))

    def refuse(self, param: str, message: str) -> None:
        """Note what a chat has no words for, and without which the answer would be another one."""
        if self.refusal is None:
            self.refusal = GatewayError(ErrorCode.INVALID_VALUE, message, param=param)
