"""Bodies as OpenAI-like model servers write them: whole answers, stream events, errors."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

CREATED = 1_700_000_000
DONE = b"data: [DONE]\n\n"

Json = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call of a tool that a scripted model makes. `arguments` is JSON text, as on the wire."""

    name: str
    arguments: str
    id: str = "call_1"


@dataclass(frozen=True, slots=True)
class Words:
    """What a scripted model says: its text in pieces (one token each), or a tool call, and how it counts."""

    model: str = "fault"
    pieces: tuple[str, ...] = ("Paris", " is", " the", " capital", ".")
    tool: ToolCall | None = None
    input_tokens: int = 11
    cached_tokens: int = 0
    finish_reason: str = "stop"

    @property
    def output_tokens(self) -> int:
        """One token a piece, or one for each part of a streamed tool call."""
        return len(self.pieces) if self.tool is None else len(_tool_parts(self.tool))

    @property
    def usage(self) -> Json:
        """The `usage` object for it."""
        return {
            "prompt_tokens": self.input_tokens,
            "completion_tokens": self.output_tokens,
            "total_tokens": self.input_tokens + self.output_tokens,
            "prompt_tokens_details": {"cached_tokens": self.cached_tokens},
        }

    @property
    def ending(self) -> str:
        """The `finish_reason`: a tool call has its own."""
        return "tool_calls" if self.tool is not None else self.finish_reason


def words(count: int) -> tuple[str, ...]:
    """Return that many pieces of text, each telling its place."""
    return tuple(f" w{index}" for index in range(count))


def dump(value: object) -> bytes:
    """Encode compactly, as servers do."""
    return json.dumps(value, separators=(",", ":")).encode()


def event(value: object) -> bytes:
    """Frame a value as one server-sent event."""
    return b"data: " + dump(value) + b"\n\n"


def error_body(message: str, kind: str, code: str | int | None) -> bytes:
    """An OpenAI-shaped error object."""
    return dump({"error": {"message": message, "type": kind, "param": None, "code": code}})


def chat_answer(said: Words) -> bytes:
    """A whole chat completion."""
    message: dict[str, object] = {"role": "assistant", "content": "".join(said.pieces), "refusal": None}
    if said.tool is not None:
        message["content"] = None
        message["tool_calls"] = [_tool_call(said.tool, said.tool.arguments)]
    choice = {"index": 0, "message": message, "finish_reason": said.ending, "logprobs": None}
    return dump(_shell("chatcmpl-fault", "chat.completion", said, [choice]) | {"usage": said.usage})


def text_answer(said: Words) -> bytes:
    """A whole text completion."""
    choice = {"index": 0, "text": "".join(said.pieces), "finish_reason": said.ending, "logprobs": None}
    return dump(_shell("cmpl-fault", "text_completion", said, [choice]) | {"usage": said.usage})


def embedding_answer(said: Words, vectors: Sequence[Sequence[float]]) -> bytes:
    """A whole list of embeddings."""
    data = [{"object": "embedding", "index": i, "embedding": list(v)} for i, v in enumerate(vectors)]
    usage = {"prompt_tokens": said.input_tokens, "total_tokens": said.input_tokens}
    return dump({"object": "list", "model": said.model, "data": data, "usage": usage})


def decided_answer(said: Words, path: str) -> bytes:
    """A sure yes to one question named `urgent`, by the System One API or by OpenAI's."""
    tokens: dict[str, object] = {"input_tokens": said.input_tokens, "output_tokens": 0}
    if path.endswith("/systemone"):
        return dump({"model": said.model, "answers": {"urgent": {"type": "noul", "noul": 0.97}}, "usage": tokens})
    answers = [{"type": "predicate", "name": "urgent", "probability": 0.97}]
    tokens |= {"total_tokens": said.input_tokens, "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0}}
    tokens["output_tokens_details"] = {"reasoning_tokens": 0}
    return dump({"model": said.model, "answers": answers, "usage": tokens})


def reranked_answer(said: Words, documents: int) -> bytes:
    """Documents in the reverse of their order, as llama.cpp writes it."""
    results = [{"index": at, "relevance_score": (at + 1) / documents} for at in reversed(range(documents))]
    usage = {"prompt_tokens": said.input_tokens, "total_tokens": said.input_tokens}
    return dump({"model": said.model, "object": "list", "usage": usage, "results": results})


def chat_events(said: Words, *, usage: bool, done: bool) -> tuple[bytes, ...]:
    """The events of a streamed chat completion: role, content (or tool call), finish, usage, `[DONE]`."""
    deltas: list[dict[str, object]] = [{"role": "assistant", "content": None if said.tool else ""}]
    if said.tool is None:
        deltas += [{"content": piece} for piece in said.pieces]
    else:
        deltas += [{"tool_calls": [part]} for part in _tool_parts(said.tool)]
    events = [_chat_event(said, delta, None) for delta in deltas]
    events.append(_chat_event(said, {}, said.ending))
    return (*events, *_tail(said, "chatcmpl-fault", "chat.completion.chunk", usage, done))


def text_events(said: Words, *, usage: bool, done: bool) -> tuple[bytes, ...]:
    """The events of a streamed text completion."""
    events = []
    for index, piece in enumerate(said.pieces):
        ending = said.ending if index == len(said.pieces) - 1 else None
        choice = {"index": 0, "text": piece, "finish_reason": ending, "logprobs": None}
        events.append(event(_shell("cmpl-fault", "text_completion", said, [choice])))
    return (*events, *_tail(said, "cmpl-fault", "text_completion", usage, done))


def interleaved_events(model: str, choices: int, tokens: int, *, seed: int) -> tuple[bytes, ...]:
    """The events of a streamed chat with several choices of that many tokens each, dealt out in any order by the seed.

    Token k of choice c is ` c.k`: what was lost, doubled, merged or passed over can be told from the text.
    """
    said, order = Words(model=model), [index for index in range(choices) for _ in range(tokens)]
    Random(seed).shuffle(order)
    told = [0] * choices
    events = [_chat_event(said, {"role": "assistant", "content": ""}, None, index) for index in range(choices)]
    for index in order:
        events.append(_chat_event(said, {"content": f" {index}.{told[index]}"}, None, index))
        told[index] += 1
    events += [_chat_event(said, {}, said.ending, index) for index in range(choices)]
    return (*events, DONE)


def _shell(identity: str, kind: str, said: Words, choices: list[dict[str, object]]) -> dict[str, object]:
    return {"id": identity, "object": kind, "created": CREATED, "model": said.model, "choices": choices}


def _chat_event(said: Words, delta: dict[str, object], ending: str | None, index: int = 0) -> bytes:
    choice = {"index": index, "delta": delta, "finish_reason": ending, "logprobs": None}
    return event(_shell("chatcmpl-fault", "chat.completion.chunk", said, [choice]))


def _tail(said: Words, identity: str, kind: str, usage: bool, done: bool) -> list[bytes]:
    tail = [event(_shell(identity, kind, said, []) | {"usage": said.usage})] if usage else []
    return [*tail, DONE] if done else tail


def _tool_call(tool: ToolCall, arguments: str) -> dict[str, object]:
    return {"id": tool.id, "type": "function", "function": {"name": tool.name, "arguments": arguments}}


def _tool_parts(tool: ToolCall) -> list[dict[str, object]]:
    half = len(tool.arguments) // 2
    pieces = [piece for piece in (tool.arguments[:half], tool.arguments[half:]) if piece]
    return [{"index": 0} | _tool_call(tool, "")] + [{"index": 0, "function": {"arguments": p}} for p in pieces]
