"""What is read of an OpenAI request. Everything else in it goes on as it came, unread and untouched."""

from typing import Annotated

from msgspec import Meta, Raw, Struct

from gateway.domain.request import Operation

_Count = Annotated[int, Meta(ge=0)]
_Positive = Annotated[int, Meta(ge=1)]


# gc=False throughout: these hold no cycles, and live no longer than the call that decodes them.
class Media(Struct, gc=False):
    """Where the bytes of an image, a video or a sound are: a `data:` URL, or one that the model server fetches."""

    url: str


class Part(Struct, gc=False):
    """One part of a message's content. The kinds beyond OpenAI's are vLLM's."""

    type: str = ""
    text: str | None = None
    image_url: Media | str | None = None
    video_url: Media | str | None = None
    audio_url: Media | str | None = None


class Message(Struct, gc=False):
    """One message of a chat."""

    role: str
    content: str | list[Part] | None = None
    tool_calls: Raw = Raw()


class Tool(Struct, gc=False):
    """A tool's definition: only that it is an object matters."""


class ResponseFormat(Struct, gc=False):
    """What the answer must look like."""

    type: str = ""


class StreamOptions(Struct, gc=False):
    """Of a stream's options, the one that we must know."""

    include_usage: bool | None = None


class Sampling(Struct, gc=False, kw_only=True):
    """What all operations may have."""

    model: str
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: _Positive | None = None
    best_of: _Count | None = None
    max_tokens: _Count | None = None
    temperature: float | None = None
    stop: str | list[str] | None = None
    response_format: ResponseFormat | None = None


class Chat(Sampling, gc=False, kw_only=True):
    """`POST /v1/chat/completions`."""

    messages: list[Message]
    max_completion_tokens: _Count | None = None
    top_logprobs: _Count | None = None
    tools: Raw = Raw()
    functions: Raw = Raw()


class Completions(Sampling, gc=False, kw_only=True):
    """`POST /v1/completions`. Numbers in a prompt are tokens."""

    prompt: str | list[str | int | list[int]]
    suffix: str | None = None
    logprobs: _Count | None = None


class Embeddings(Sampling, gc=False, kw_only=True):
    """`POST /v1/embeddings`. Numbers in an input are tokens."""

    input: str | list[str | int | list[int]]


class SystemOne(Sampling, gc=False, kw_only=True):
    """`POST /v1/systemone`: whatever JSON the questions are about, and the questions by name."""

    state: Raw
    questions: dict[str, Raw]


class Turn(Struct, gc=False):
    """Of what a decision is about, one message, or one call of a tool."""

    content: str | list[Part] | None = None


class Decisions(Sampling, gc=False, kw_only=True):
    """`POST /v1/decisions`."""

    input: str | list[Turn]
    questions: list[Raw]


class Document(Struct, gc=False, forbid_unknown_fields=True):
    """A document as an object. Other members may be pictures by address, in ways that differ from server to server."""

    text: str


class Rerank(Sampling, gc=False, kw_only=True):
    """`POST /v1/rerank`."""

    query: str
    documents: list[str | Document]


OPERATION_TYPES: dict[Operation, type[Chat | Completions | Embeddings | SystemOne | Decisions | Rerank]] = {
    Operation.CHAT: Chat,
    Operation.COMPLETIONS: Completions,
    Operation.EMBEDDINGS: Embeddings,
    Operation.SYSTEMONE: SystemOne,
    Operation.DECISIONS: Decisions,
    Operation.RERANK: Rerank,
}
