"""The dialects that clients may speak, beside that of OpenAI's chat, which is what the gateway thinks in.

Each is a pair of translators: of a request into a chat, and of what comes of that chat back.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from gateway.domain.limits import EdgeLimits
from gateway.domain.request import CanonicalRequest, Native, Operation
from gateway.wire.messages.answer import answer_from_chat as message_from_chat
from gateway.wire.messages.errors import error_from_chat as message_error_from_chat
from gateway.wire.messages.request import to_chat as message_to_chat
from gateway.wire.messages.stream_writer import StreamWriter as MessageStreamWriter
from gateway.wire.openai_request import canonicalise
from gateway.wire.responses.answer import answer_from_chat as response_from_chat
from gateway.wire.responses.echo import echo
from gateway.wire.responses.errors import error_from_chat as response_error_from_chat
from gateway.wire.responses.request import ChatForm as ResponseChatForm
from gateway.wire.responses.request import to_chat as response_to_chat
from gateway.wire.responses.stream_writer import StreamWriter as ResponseStreamWriter


class Writer(Protocol):
    """Tells a chat's stream in another dialect: feed it the stream in any pieces, and send on what it returns."""

    def feed(self, data: bytes) -> bytes: ...


class Form(Protocol):
    """A request that was translated: the client's own bytes, the chat's, and what that leaves out; see `Native`."""

    body: bytes
    chat: bytes
    not_carried: tuple[str, ...]
    apart: bytes


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one dialect is read and written.

    `answer` is given the chat's body and the client's own request, parts of which some dialects repeat; `writer` that
    request; `error` the body, the status and the request's id. `id_header` is where clients look for that id.
    """

    read: Callable[[bytes, EdgeLimits], Form]
    answer: Callable[[bytes, bytes], bytes]
    error: Callable[[bytes, int, str | None], bytes]
    writer: Callable[[bytes], Writer]
    id_header: bytes | None = None


def _read_response(body: bytes, limits: EdgeLimits) -> ResponseChatForm:
    form = response_to_chat(body, limits)
    if form.refusal is not None:
        raise form.refusal
    return form


DIALECTS: Final[Mapping[Operation, Dialect]] = {
    Operation.MESSAGES: Dialect(
        message_to_chat,
        lambda body, _: message_from_chat(body),
        message_error_from_chat,
        lambda _: MessageStreamWriter(),
        b"request-id",
    ),
    Operation.RESPONSES: Dialect(
        _read_response,
        lambda body, asked: response_from_chat(body, echo(asked)),
        lambda body, *_: response_error_from_chat(body),
        lambda asked: ResponseStreamWriter(echo(asked)),
    ),
}
"""By the operation that clients call to speak it."""


def read_request(operation: Operation, body: bytes, limits: EdgeLimits) -> CanonicalRequest:
    """Check a request in any dialect. Raises GatewayError with a 4xx code, and nothing else, whatever the bytes."""
    dialect = DIALECTS.get(operation)
    if dialect is None:
        return canonicalise(operation, body, limits)
    form = dialect.read(body, limits)
    return canonicalise(Operation.CHAT, form.chat, limits, Native(operation, form.body, form.not_carried, form.apart))


def read_prompt(body: bytes, limits: EdgeLimits) -> CanonicalRequest:
    """Check a Messages request of which the prompt alone counts. Raises GatewayError with a 4xx code."""
    return canonicalise(Operation.CHAT, message_to_chat(body, limits, counts=True).chat, limits)
