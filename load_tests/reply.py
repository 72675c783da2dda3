"""Reads one HTTP reply and judges it: the right status, the right content, whole to the end."""

import re
from dataclasses import dataclass, field

from load_tests.answers import STAMP_DIGITS
from load_tests.tally import describe_bad

_ENDS = (b"data: [DONE]", b'"type":"message_stop"', b'"type":"response.completed"')
"""With one of them a stream is whole: a chat's, a message's, a response's."""
_STAMP = re.compile(rb"@(\d{%d})" % STAMP_DIGITS)


@dataclass(slots=True)
class Reply:
    """The reply in hand. A stamp may come in two pieces, so the end of what came before is kept with it."""

    stream: bool
    marker: bytes
    parts: list[bytes] = field(default_factory=list)
    stamps_seen: int = 0
    _rest: bytes = b""

    def add(self, data: bytes) -> list[int]:
        """Take a piece of the body; return the stamps completed by it, in microseconds."""
        self.parts.append(data)
        if not self.stream:
            return []
        text = self._rest + data if self._rest else data
        end, stamps = 0, []
        for found in _STAMP.finditer(text):
            stamps.append(int(found[1]))
            end = found.end()
        begun = text.rfind(b"@", max(end, len(text) - STAMP_DIGITS))
        self._rest = text[begun:] if begun >= 0 else b""
        self.stamps_seen += len(stamps)
        return stamps

    def fault(self, status: int) -> str | None:
        """Return what is wrong with the finished reply, or None."""
        body = b"".join(self.parts)
        if status != 200:
            return describe_bad(status, body)
        if self.stream:
            sound = self.stamps_seen > 0 and any(end in body for end in _ENDS)
        else:
            sound = self.marker in body and b'"usage"' in body
        return None if sound else describe_bad(status, body)

    def clear(self) -> None:
        """Make ready for the next reply."""
        self.parts.clear()
        self.stamps_seen = 0
        self._rest = b""
