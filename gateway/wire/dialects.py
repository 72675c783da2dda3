"""The dialects that clients may speak, beside that of OpenAI's chat, which is what the gateway thinks in.

Each is a pair of translators: of a request into a chat, and of what comes of that chat back; and a second pair the
other way round, for model servers that speak it.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from gateway.domain.limits import EdgeLimits
from gateway.domain.request import CanonicalRequest, Native, Operation
from gateway.wire.fitting import Foreign, fit
from gateway.wire.messages.answer import answer_from_chat as message_from_chat
from gateway.wire.messages.answer_reader import answer_to_chat as message_to_chat_answer
from gateway.wire.messages.errors import error_from_chat as message_error_from_chat
from gateway.wire.messages.from_chat import request_from_chat as message_request_from_chat
from gateway.wire.messages.request import to_chat as message_to_chat
from gateway.wire.messages.stream_reader import StreamReader as MessageStreamReader
from gateway.wire.messages.stream_writer import StreamWriter as MessageStreamWriter
from gateway.wire.openai_request import canonicalise
from gateway.wire.responses.answer import answer_from_chat as response_from_chat
from gateway.wire.responses.answer_reader import answer_to_chat as response_to_chat_answer
from gateway.wire.responses.echo import echo
from gateway.wire.responses.errors import error_from_chat as response_error_from_chat
from gateway.wire.responses.foreign import without_thoughts
from gateway.wire.responses.request import to_chat as response_to_chat
from gateway.wire.responses.request_writer import request_from_chat as response_request_from_chat
from gateway.wire.responses.stream_reader import StreamReader as ResponseStreamReader
from gateway.wire.responses.stream_writer import StreamWriter as ResponseStreamWriter


class Writer(Protocol):
    """Tells a chat's stream in another dialect: feed it the stream in any pieces, and send on what it returns."""

    def feed(self, data: bytes) -> bytes: ...


class Reader(Protocol):
    """Reads a stream in another dialect as a chat's, in any pieces."""

    is_lossless: bool
    """Nothing came yet that a chat cannot say."""

    def feed(self, data: bytes) -> bytes:
        """Return the chat's events of what these bytes complete. Raises StreamMalformed."""


class ReaderOf(Protocol):
    """Makes a reader: `created_s` is the time now since the epoch, `keeps_native` sends the events along."""

    def __call__(self, *, created_s: int, keeps_native: bool) -> Reader: ...


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one dialect is read and written.

    `read` translates a request into a chat, and keeps it as it came; it raises GatewayError with a 4xx code.
    `answer` is given the chat's body and the client's own request, parts of which some dialects repeat; `writer` that
    request; `error` the body, the status and the request's id. `id_header` is where clients look for that id.
    `ask` puts a chat, and the longest answer where that names none, as a request to a server of the dialect, with the
    members left out of it; `fit` takes out of a client's own what that server would refuse. `chat_of` reads an answer
    at a time since the epoch, and tells whether the chat says all of it; `reader` a stream.
    """

    read: Callable[[bytes, EdgeLimits], tuple[bytes, Native]]
    answer: Callable[[bytes, bytes], bytes]
    error: Callable[[bytes, int, str | None], bytes]
    writer: Callable[[bytes], Writer]
    ask: Callable[[bytes, int], tuple[bytes, tuple[str, ...]]]
    fit: Callable[[bytes, Collection[str], Foreign], tuple[bytes, tuple[str, ...]]]
    chat_of: Callable[[bytes, int], tuple[bytes, bool]]
    reader: ReaderOf
    id_header: bytes | None = None


def _read_message(body: bytes, limits: EdgeLimits, *, counts: bool = False) -> tuple[bytes, Native]:
    form = message_to_chat(body, limits, counts=counts)
    return form.chat, Native(Operation.MESSAGES, form.body, form.not_carried, form.apart, form.refusal)


def _read_response(body: bytes, limits: EdgeLimits) -> tuple[bytes, Native]:
    form = response_to_chat(body, limits)
    return form.chat, Native(Operation.RESPONSES, form.body, form.not_carried, form.apart, form.refusal)


def _fit_response(body: bytes, refused: Collection[str], foreign: Foreign) -> tuple[bytes, tuple[str, ...]]:
    body, thoughts = without_thoughts(body, foreign)
    body, removed = fit(body, refused, Foreign.NOTHING)
    return body, thoughts + removed


DIALECTS: Final[Mapping[Operation, Dialect]] = {
    Operation.MESSAGES: Dialect(
        read=_read_message,
        answer=lambda body, _: message_from_chat(body),
        error=message_error_from_chat,
        writer=lambda _: MessageStreamWriter(),
        ask=message_request_from_chat,
        fit=fit,
        chat_of=message_to_chat_answer,
        reader=MessageStreamReader,
        id_header=b"request-id",
    ),
    Operation.RESPONSES: Dialect(
        read=_read_response,
        answer=lambda body, asked: response_from_chat(body, echo(asked)),
        error=lambda body, *_: response_error_from_chat(body),
        writer=lambda asked: ResponseStreamWriter(echo(asked)),
        ask=lambda body, _: response_request_from_chat(body),
        fit=_fit_response,
        chat_of=response_to_chat_answer,
        reader=ResponseStreamReader,
    ),
}
"""By the operation that clients call to speak it."""


def read_request(operation: Operation, body: bytes, limits: EdgeLimits) -> CanonicalRequest:
    """Check a request in any dialect. Raises GatewayError with a 4xx code, and nothing else, whatever the bytes."""
    dialect = DIALECTS.get(operation)
    if dialect is None:
        return canonicalise(operation, body, limits)
    chat, native = dialect.read(body, limits)
    return canonicalise(Operation.CHAT, chat, limits, native)


def read_prompt(body: bytes, limits: EdgeLimits) -> CanonicalRequest:
    """Check a Messages request of which the prompt alone counts. Raises GatewayError with a 4xx code."""
    chat, native = _read_message(body, limits, counts=True)
    return canonicalise(Operation.CHAT, chat, limits, native)
