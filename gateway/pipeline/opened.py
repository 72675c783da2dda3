"""What an upstream call came to: content in hand."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import httpx

from gateway.domain.usage import TokenUsage
from gateway.wire.openai_response import Answer
from gateway.wire.stream_scanner import StreamScanner


def _always() -> bool:
    return True


@dataclass(slots=True)
class Opened:
    """Content in hand: a whole answer, or the beginning of a stream.

    Of a stream, `body` is what the scanner was fed, `prelude` what it let through, and `rest` is still to come.
    What came in another API is a chat here; `told` is then the whole answer as it came, for a client that speaks that.
    """

    response: httpx.Response
    body: bytes
    answer: Answer | None = None
    scanner: StreamScanner | None = None
    prelude: bytes = b""
    rest: AsyncIterator[bytes] | None = None
    told: bytes | None = None
    is_lossless: Callable[[], bool] = _always
    """Tells whether the chat says all that came."""

    @property
    def usage(self) -> TokenUsage | None:
        """Return what its server has said of it so far."""
        if self.scanner is not None:
            return self.scanner.usage
        return None if self.answer is None else self.answer.usage
