"""An answer of a server that was asked in another API than OpenAI's chat, as the chat that the stages know."""

from collections.abc import AsyncIterator

from gateway.domain.request import CanonicalRequest, Operation
from gateway.wire.dialects import DIALECTS, Reader


class Translation:
    """Reads one answer in another API. For a client that speaks it too, the answer itself goes along."""

    __slots__ = ("_created_s", "_dialect", "_is_lossless", "_reader", "is_native")

    def __init__(self, operation: Operation, request: CanonicalRequest, wall_s: float) -> None:
        self.is_native = request.called is operation
        self._dialect = DIALECTS[operation]
        self._created_s = int(wall_s)
        self._is_lossless = False
        self._reader: Reader | None = None

    def is_lossless(self) -> bool:
        """Tell whether the chat says all that came; of a stream, so far."""
        return self._is_lossless if self._reader is None else self._reader.is_lossless

    def answer(self, body: bytes) -> bytes:
        """Read a whole answer. Raises AnswerMalformed."""
        chat, self._is_lossless = self._dialect.chat_of(body, self._created_s)
        return chat

    def stream(self, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Read a stream as it comes. Asking for more raises StreamMalformed too."""
        self._reader = self._dialect.reader(created_s=self._created_s, keeps_native=self.is_native)
        return _Read(rest, self._reader)


class _Read(AsyncIterator[bytes]):
    """What comes of a stream, part by part; no generator, which would have to be closed by itself."""

    def __init__(self, rest: AsyncIterator[bytes], reader: Reader) -> None:
        self._rest = rest
        self._reader = reader

    async def __anext__(self) -> bytes:
        while True:
            told = self._reader.feed(await anext(self._rest))
            if told:
                return told
