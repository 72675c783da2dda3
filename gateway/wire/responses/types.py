"""What is read of a Responses request. Members that are not here have the same name and meaning in a chat."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

_Count = Annotated[int, Meta(ge=0)]


# gc=False throughout: these hold no cycles, and live no longer than the call that decodes them.
class Text(Struct, gc=False):
    """What the answer's text must look like."""

    format: dict[str, Any] | None = None
    verbosity: Literal["low", "medium", "high"] | None = None


class Reasoning(Struct, gc=False):
    """How the model is to think."""

    effort: str | None = None
    summary: Literal["auto", "concise", "detailed"] | None = None
    generate_summary: Literal["auto", "concise", "detailed"] | None = None
    mode: str | None = None
    context: Literal["auto", "current_turn", "all_turns"] | None = None


class StreamOptions(Struct, gc=False):
    """What a stream is to have besides the answer."""

    include_obfuscation: bool | None = None


class ResponsesRequest(Struct, gc=False, kw_only=True):
    """`POST /v1/responses`."""

    model: str
    input: str | list[Any]
    instructions: str | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_output_tokens: _Count | None = None
    max_tool_calls: int | None = None
    parallel_tool_calls: bool | None = None
    tools: list[Any] | None = None
    tool_choice: str | dict[str, Any] | None = None
    text: Text | None = None
    reasoning: Reasoning | None = None
    include: list[str] | None = None
    metadata: dict[str, str] | None = None
    store: bool | None = None
    truncation: Literal["auto", "disabled"] | None = None
    top_logprobs: _Count | None = None
    temperature: float | None = None
    top_p: float | None = None


class InputText(Struct, gc=False, tag_field="type", tag="input_text"):
    """Text for the model."""

    text: str


class InputImage(Struct, gc=False, tag_field="type", tag="input_image"):
    """An image: a `data:` URL, an address, or a file that OpenAI keeps."""

    image_url: str | None = None
    file_id: str | None = None
    detail: str | None = None


class InputFile(Struct, gc=False, tag_field="type", tag="input_file"):
    """A file: its content, an address, or one that OpenAI keeps."""

    file_data: str | None = None
    file_id: str | None = None
    file_url: str | None = None
    filename: str | None = None


class InputAudio(Struct, gc=False, tag_field="type", tag="input_audio"):
    """Sound; a chat has the same part."""

    input_audio: dict[str, Any]


class OutputText(Struct, gc=False, tag_field="type", tag="output_text"):
    """Text that a model wrote before."""

    text: str


class Refusal(Struct, gc=False, tag_field="type", tag="refusal"):
    """What a model said instead of an answer."""

    refusal: str


Part = InputText | InputImage | InputFile | InputAudio | OutputText | Refusal


class Message(Struct, gc=False):
    """An item that somebody said."""

    role: Literal["user", "assistant", "system", "developer"]
    content: str | list[Part]


class FunctionCall(Struct, gc=False):
    """An item in which a model called a function."""

    call_id: str
    name: str
    arguments: str
    namespace: str | None = None


class FunctionCallOutput(Struct, gc=False):
    """An item with what a function gave back."""

    call_id: str
    output: str | list[Part]


class FunctionTool(Struct, gc=False):
    """A function that the model may call."""

    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class SchemaFormat(Struct, gc=False):
    """A JSON schema that the answer must keep to."""

    name: str
    schema: dict[str, Any]
    description: str | None = None
    strict: bool | None = None
