"""What is read of a request of Anthropic's Messages API: all of it, since what is not understood cannot be translated.

A member that is not here is refused by its name, and so is a block of another type. Members of which only the bytes
matter are `Raw`.
"""

from typing import Annotated, TypeAlias

from msgspec import Meta, Raw, Struct

_Positive = Annotated[int, Meta(ge=1)]


# gc=False throughout: these hold no cycles, and live no longer than the call that decodes them.
class _Strict(Struct, gc=False, forbid_unknown_fields=True, kw_only=True, tag_field="type"):
    """What has no members but these."""


class _Block(_Strict, gc=False):
    """What every block of content may have beside its own members. Neither can be told a chat server."""

    cache_control: Raw = Raw()
    citations: Raw = Raw()


class Text(_Block, gc=False, kw_only=True, tag="text"):
    """A piece of text."""

    text: str


class Base64(_Strict, gc=False, kw_only=True, tag="base64"):
    """The bytes of an image."""

    media_type: str
    data: str


class Url(_Strict, gc=False, kw_only=True, tag="url"):
    """Where an image is to be fetched."""

    url: str


class Image(_Block, gc=False, kw_only=True, tag="image"):
    """A picture."""

    source: Base64 | Url


class PlainText(_Strict, gc=False, kw_only=True, tag="text"):
    """A document that is text."""

    data: str
    media_type: str = ""


class Parts(_Strict, gc=False, kw_only=True, tag="content"):
    """A document that is made of blocks."""

    content: str | list[Text | Image]


class Document(_Block, gc=False, kw_only=True, tag="document"):
    """A document. One that is a file, such as a PDF, is none that a chat server reads."""

    source: PlainText | Parts
    title: str | None = None
    context: str | None = None


class SearchResult(_Block, gc=False, kw_only=True, tag="search_result"):
    """What a search of the client's own found."""

    source: str
    title: str
    content: list[Text]


class Thinking(_Strict, gc=False, kw_only=True, tag="thinking"):
    """What a model thought. A signature proves that to the model itself, and is empty where none gave one."""

    thinking: str
    signature: str = ""


class RedactedThinking(_Strict, gc=False, kw_only=True, tag="redacted_thinking"):
    """A thought that only its own model can read."""

    data: str


class ToolUse(_Block, gc=False, kw_only=True, tag="tool_use"):
    """A call of a tool."""

    id: str
    name: str
    input: Raw
    caller: Raw = Raw()


class ToolResult(_Block, gc=False, kw_only=True, tag="tool_result"):
    """What a tool answered."""

    tool_use_id: str
    content: str | list[Text | Image | Document | SearchResult] | None = None
    is_error: bool | None = None


Block: TypeAlias = Text | Image | Document | SearchResult | Thinking | RedactedThinking | ToolUse | ToolResult


class Message(Struct, gc=False, forbid_unknown_fields=True):
    """One turn."""

    role: str
    content: str | list[Block]


class Tool(Struct, gc=False, forbid_unknown_fields=True):
    """A tool of the client's own. Those that Anthropic's servers run, or know by heart, have a type of their own."""

    name: str
    input_schema: Raw
    description: str | None = None
    type: str | None = None
    strict: bool | None = None
    cache_control: Raw = Raw()
    defer_loading: Raw = Raw()
    eager_input_streaming: Raw = Raw()
    input_examples: Raw = Raw()
    allowed_callers: Raw = Raw()


class ToolKind(Struct, gc=False):
    """Only what kind of tool it is."""

    type: str | None = None


class _Choice(_Strict, gc=False):
    disable_parallel_tool_use: bool | None = None


class Auto(_Choice, gc=False, kw_only=True, tag="auto"):
    """The model may call tools."""


class AnyTool(_Choice, gc=False, kw_only=True, tag="any"):
    """The model must call one."""


class OneTool(_Choice, gc=False, kw_only=True, tag="tool"):
    """The model must call this one."""

    name: str


class NoTool(_Choice, gc=False, kw_only=True, tag="none"):
    """The model may call none."""


Choice: TypeAlias = Auto | AnyTool | OneTool | NoTool


class Format(_Strict, gc=False, kw_only=True, tag="json_schema"):
    """What the answer must look like."""

    schema: Raw


class OutputConfig(Struct, gc=False, forbid_unknown_fields=True):
    """How much work is put into the answer, and what it must look like."""

    effort: str | None = None
    format: Format | None = None


class Metadata(Struct, gc=False):
    """For whom the request is made."""

    user_id: str | None = None


class Request(Struct, gc=False, forbid_unknown_fields=True, kw_only=True):
    """`POST /v1/messages`, and without `max_tokens` `POST /v1/messages/count_tokens`."""

    model: str
    messages: list[Message]
    max_tokens: _Positive | None = None
    system: str | list[Text] | None = None
    stream: bool | None = None
    stop_sequences: list[str] | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    tools: list[Raw] | None = None
    tool_choice: Choice | None = None
    metadata: Metadata | None = None
    output_config: OutputConfig | None = None
    output_format: Format | None = None
    # What changes nothing of what is asked, or only how Anthropic's servers go about it.
    cache_control: Raw = Raw()
    context_management: Raw = Raw()
    diagnostics: Raw = Raw()
    inference_geo: Raw = Raw()
    service_tier: Raw = Raw()
    speed: Raw = Raw()
    thinking: Raw = Raw()
    user_profile_id: Raw = Raw()
    # What only Anthropic's servers have: it may be said that none is wanted.
    container: None = None
    mcp_servers: Annotated[list[Raw], Meta(max_length=0)] | None = None
    # What open model servers take beyond either API.
    chat_template_kwargs: Raw = Raw()
    frequency_penalty: Raw = Raw()
    ignore_eos: Raw = Raw()
    min_p: Raw = Raw()
    presence_penalty: Raw = Raw()
    reasoning_effort: Raw = Raw()
    repetition_penalty: Raw = Raw()
    seed: Raw = Raw()
