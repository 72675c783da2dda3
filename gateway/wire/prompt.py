"""What of a request the model reads, how much it is, and which abilities it asks for."""

from dataclasses import dataclass
from typing import Final

from msgspec import Raw

from gateway.domain.request import Need
from gateway.domain.usage import tokens_in
from gateway.wire.harness import asked_text
from gateway.wire.openai_types import Chat, Decisions, Media, Message, Part, Rerank, SystemOne

TOKENS_PER_MESSAGE: Final = 4
"""What chat templates put around a message: begin, role, newline, end."""
TOKENS_PER_IMAGE: Final = 1_024
"""The order of what vision models take for a picture of ordinary size (OpenAI 765 to 1,105, Qwen-VL about 1,000)."""

_JSON_FORMATS = ("json_schema", "json_object")
_TURNS = ("user", "assistant")
_RESULTS = ("tool", "function")
_EMPTY_BYTES = 4
"""`null` and `[]` are no calls of tools; the shortest call is longer."""


@dataclass(slots=True)
class Prompt:
    """What was found. Written once, then only read; not frozen, since freezing costs a microsecond a request."""

    needs: Need
    user_text: str
    context_text: str
    turns: int
    prompt_bytes: int
    input_tokens: int
    has_remote_images: bool
    continues: bool = False
    in_tool_loop: bool = False
    window_tokens: int | None = None


def chat_prompt(chat: Chat, *, has_tools: bool) -> Prompt:
    """Read a conversation. `user_text` is the last user turn, `context_text` the user's or assistant's turn before.

    Both are without what agents inject, and a user turn that holds nothing else is none of the user's.
    """
    size = _raw_bytes(chat.tools) + _raw_bytes(chat.functions)
    turns = 0
    last: Message | None = None
    before: Message | None = None
    previous: Message | None = None
    parts: list[Part] = []
    for message in chat.messages:
        content = message.content
        if isinstance(content, str):
            size += len(content) if content.isascii() else text_bytes(content)
        elif content is not None:
            parts += content
        if message.tool_calls:
            size += _raw_bytes(message.tool_calls)
        if message.role == "user":
            turns += 1
            last, before = message, previous
        if message.role in _TURNS:
            previous = message
    needs = Need.TOOLS if has_tools else Need.NONE
    if chat.response_format is not None and chat.response_format.type in _JSON_FORMATS:
        needs |= Need.JSON_SCHEMA
    tokens, has_remote = TOKENS_PER_MESSAGE * len(chat.messages), False
    if parts:
        size += sum(text_bytes(part.text) for part in parts if part.text)
        media = [part for part in parts if _is_seen(part)]
        needs |= Need.VISION if media else Need.NONE
        tokens += TOKENS_PER_IMAGE * len(media)
        has_remote = any(_is_remote(part) for part in parts)
    tokens += tokens_in(size)
    continues = turns > 1 or before is not None or previous is not last
    in_tool_loop = continues and _awaits_tools(chat.messages[-1])
    said = _text_of(last)
    user_text, context_text = asked_text(said), asked_text(_text_of(before))
    if said and not user_text and turns > 1:
        user_text, context_text = _last_asked(chat.messages)
    return Prompt(needs, user_text, context_text, turns, size, tokens, has_remote, continues, in_tool_loop)


def plain_prompt(texts: str | list[str | int | list[int]], *extra: str | None, turns: int) -> Prompt:
    """Read a prompt or an input, which may be several, and may be given in tokens."""
    several = [texts] if isinstance(texts, str) else texts
    words = [text for text in several if isinstance(text, str)]
    size = sum(map(text_bytes, words)) + sum(text_bytes(text) for text in extra if text)
    tokens = tokens_in(size) + sum(map(_given_tokens, several))
    user_text = "\n".join(words) if turns else ""
    prompt = Prompt(Need.NONE, user_text, "", turns, size, tokens, False)
    if count_prompts(texts) > 1:
        prompt.window_tokens = max(_tokens_of(item) for item in several)
    return prompt


def rerank_prompt(asked: Rerank) -> Prompt:
    """Read a query and documents. The query is read with each of them, one by one."""
    query = text_bytes(asked.query)
    sizes = [text_bytes(each if isinstance(each, str) else each.text) for each in asked.documents]
    size = sum(sizes) + query * len(sizes)
    window_tokens = tokens_in(query + max(sizes))
    return Prompt(Need.RERANK, "", "", 0, size, tokens_in(size), has_remote_images=False, window_tokens=window_tokens)


def questions_prompt(asked: SystemOne | Decisions) -> Prompt:
    """Read typed questions, and what they are about. Nothing of it is text to be scored: no model writes the answer."""
    if isinstance(asked, SystemOne):
        size = _raw_bytes(asked.state) + sum(len(name) + _raw_bytes(each) for name, each in asked.questions.items())
        return Prompt(Need.SYSTEMONE, "", "", 0, size, tokens_in(size), has_remote_images=False)
    size = sum(map(_raw_bytes, asked.questions))
    contents = [asked.input] if isinstance(asked.input, str) else [turn.content for turn in asked.input]
    parts: list[Part] = []
    for content in contents:
        if isinstance(content, str):
            size += text_bytes(content)
        elif content is not None:
            parts += content
    size += sum(text_bytes(part.text) for part in parts if part.text)
    images = [part for part in parts if _is_seen(part)]
    needs = Need.DECISIONS | (Need.VISION if images else Need.NONE)
    tokens = tokens_in(size) + TOKENS_PER_IMAGE * len(images)
    return Prompt(needs, "", "", 0, size, tokens, has_remote_images=any(map(_is_remote, images)))


def count_prompts(texts: str | list[str | int | list[int]]) -> int:
    """Count the prompts in a list of them; one prompt given in tokens is one."""
    if isinstance(texts, str) or not texts or isinstance(texts[0], int):
        return 1
    return len(texts)


def text_bytes(text: str) -> int:
    """Return the size of a text in UTF-8."""
    return len(text) if text.isascii() else len(text.encode())


def _tokens_of(item: str | int | list[int]) -> int:
    return tokens_in(text_bytes(item)) if isinstance(item, str) else _given_tokens(item)


def _given_tokens(item: str | int | list[int]) -> int:
    if isinstance(item, str):
        return 0
    return 1 if isinstance(item, int) else len(item)


def _raw_bytes(raw: Raw) -> int:
    return memoryview(raw).nbytes


def _awaits_tools(message: Message) -> bool:
    return message.role in _RESULTS or (message.role == "assistant" and _raw_bytes(message.tool_calls) > _EMPTY_BYTES)


def _text_of(message: Message | None) -> str:
    if message is None or message.content is None:
        return ""
    if isinstance(message.content, str):
        return message.content
    return "\n".join(part.text for part in message.content if part.text)


def _last_asked(messages: list[Message]) -> tuple[str, str]:
    """Return the last user turn that holds more than an agent's blocks, and the turn before it."""
    said = [(message.role, asked_text(_text_of(message))) for message in messages if message.role in _TURNS]
    for at in range(len(said) - 1, -1, -1):
        role, text = said[at]
        if role == "user" and text:
            return text, said[at - 1][1] if at else ""
    return "", ""


def _is_seen(part: Part) -> bool:
    return part.image_url is not None or part.video_url is not None or "image" in part.type


def _is_remote(part: Part) -> bool:
    return any(_is_elsewhere(media) for media in (part.image_url, part.video_url, part.audio_url))


def _is_elsewhere(media: Media | str | None) -> bool:
    # Anything but data makes the model server fetch something: http and https, and with some servers local files.
    url = media.url if isinstance(media, Media) else media
    return url is not None and not url[:16].lstrip().lower().startswith("data:")
