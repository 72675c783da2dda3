"""What happened in a run, in order: to be read by people, and to be compared between two runs of the same seed."""

from collections.abc import Callable
from hashlib import sha256


class History:
    """Notes with their virtual time. Nothing goes in that differs between two runs of the same case."""

    def __init__(self, now_s: Callable[[], float], *, is_kept: bool = True) -> None:
        self._now_s = now_s
        self._is_kept = is_kept
        self._zero_s = now_s()
        self._notes: list[tuple[float, str, object]] = []

    def note(self, who: str, what: object) -> None:
        """Write down that something happened now."""
        if not self._is_kept:
            return
        self._notes.append((self._now_s() - self._zero_s, who, what))

    def lines(self) -> list[str]:
        """Render, one note a line."""
        return [f"{at_s:12.6f}  {who:<12} {what}" for at_s, who, what in self._notes]

    def digest(self) -> str:
        """Name this history: equal only where everything happened alike."""
        return sha256("\n".join(self.lines()).encode()).hexdigest()
