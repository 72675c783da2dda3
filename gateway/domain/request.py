"""What a client asked for, once its bytes were found sound."""

from enum import Enum, IntFlag
from typing import Final

from gateway.domain.errors import GatewayError
from gateway.domain.ids import ModelAlias
from gateway.domain.noun import noun


class Operation(Enum):
    """The generating operations. Each is one path below a base URL, the gateway's and a tier's.

    Within the gateway every chat is `CHAT`; how its client speaks is told by the operation that it called.
    """

    CHAT = "chat/completions"
    COMPLETIONS = "completions"
    EMBEDDINGS = "embeddings"
    MESSAGES = "messages"
    """A chat in the dialect of Anthropic's API."""
    RESPONSES = "responses"
    """A chat in the dialect of OpenAI's Responses API."""
    SYSTEMONE = "systemone"
    """Typed questions about a state, each answered by probabilities: the System One API."""
    DECISIONS = "decisions"
    """The same as OpenAI's API has it."""
    RERANK = "rerank"
    """Documents in the order of how well they fit a query: Jina's and Cohere's API, which vLLM and llama.cpp serve."""

    @property
    def is_written(self) -> bool:
        """Tell whether a model writes the answer, token by token."""
        return self not in _NOT_WRITTEN


_NOT_WRITTEN = (Operation.EMBEDDINGS, Operation.SYSTEMONE, Operation.DECISIONS, Operation.RERANK)


class Need(IntFlag):
    """Abilities that a tier must state under `supports` before it may answer."""

    NONE = 0
    TOOLS = 1
    VISION = 2
    JSON_SCHEMA = 4
    RESPONSES = 8
    """What only servers of the Responses API can do; a tier states it by the `apis` of all its endpoints."""
    SYSTEMONE = 16
    DECISIONS = 32
    MESSAGES = 64
    """What only servers of the Messages API can do; stated as that of the Responses API is."""
    RERANK = 128


API_NEEDS: Final = ((Need.RESPONSES, Operation.RESPONSES), (Need.MESSAGES, Operation.MESSAGES))
"""What only servers of an API can do, and by which operation they are known."""


@noun
class Span:
    """Half-open range of byte positions in a body."""

    start: int
    end: int


@noun
class Splice:
    """Where the body must be edited before it is forwarded; everything else goes on as it came.

    `model` spans the JSON string naming the model, quotes included. `stream_options` spans that member's value, or is
    None when the member is absent. `after_brace` is the position behind the opening brace, where a member may be added.
    """

    model: Span
    stream_options: Span | None
    after_brace: int


@noun
class Native:
    """A chat as its client wrote it, in the dialect of `operation`.

    `not_carried` names what the chat that it was translated to leaves out, and `apart` holds, in canonical bytes, what
    of that may change an answer: two requests that differ in it are not the same. `refusal` is what its client is told
    where no server of the dialect itself may answer, None where any server may.
    """

    operation: Operation
    body: bytes
    not_carried: tuple[str, ...]
    apart: bytes
    refusal: GatewayError | None = None


@noun
class CanonicalRequest:
    """A validated request. The body's own bytes stay with it: they are forwarded, never written anew.

    Texts are what the difficulty model reads: `user_text` is the last user turn, `context_text` the turn before it.
    `prompt_bytes` counts all text the model will read; `input_tokens` estimates its tokens. Of several prompts, which a
    model reads one by one, `window_tokens` are those of the longest; None where there is one.
    What makes two requests the same for the cache is read from `body` when a route's cache asks for it.
    `continues` tells that a chat has turns before this one, `in_tool_loop` that it ends with a tool's result, or with
    calls of tools that wait for theirs. `is_flex` says that the client takes a later answer for a lower price (OpenAI's
    `service_tier: flex`). `native` is what `body` was translated from, None where it is the client's own.
    """

    operation: Operation
    alias: ModelAlias
    body: bytes
    splice: Splice
    stream: bool
    include_usage: bool
    needs: Need
    user_text: str
    context_text: str
    turns: int
    prompt_bytes: int
    input_tokens: int
    max_output_tokens: int | None
    choices: int
    temperature: float | None
    has_remote_images: bool
    continues: bool = False
    in_tool_loop: bool = False
    is_flex: bool = False
    native: Native | None = None
    window_tokens: int | None = None

    @property
    def called(self) -> Operation:
        """Return the operation that the client called."""
        return self.operation if self.native is None else self.native.operation
