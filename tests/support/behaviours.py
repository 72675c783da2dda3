"""The ways a model server can behave, good and bad. Each is chosen in code, or by the served model's name."""

from collections.abc import Callable, Mapping
from random import Random

from tests.support.openai_bodies import (
    ToolCall,
    Words,
    chat_answer,
    chat_events,
    decided_answer,
    dump,
    embedding_answer,
    error_body,
    event,
    interleaved_events,
    reranked_answer,
    text_answer,
    text_events,
    words,
)
from tests.support.scripts import Behaviour, End, Pause, RawHeaders, Reply, Script, SeenRequest, Send, Step

JSON: RawHeaders = ((b"content-type", b"application/json"),)
SSE: RawHeaders = ((b"content-type", b"text/event-stream"), (b"cache-control", b"no-cache"))
HTML: RawHeaders = ((b"content-type", b"text/html"),)


def json_reply(status: int, body: bytes, headers: RawHeaders = ()) -> Reply:
    """Answer with a whole JSON body."""
    return Reply(status, JSON + headers, body=(Send(body),))


def sse_reply(*pieces: bytes, delay_s: float = 0.0) -> Reply:
    """Answer with a stream, one write a piece, `delay_s` apart."""
    steps: list[Step] = []
    for piece in pieces:
        steps += [Pause(delay_s), Send(piece)] if delay_s else [Send(piece)]
    return Reply(200, SSE, body=tuple(steps), chunked=True)


def always(script: Script) -> Behaviour:
    """Do the same with every request."""
    return lambda _: script


def speaks(
    said: Words | None = None, *, delay_s: float = 0.0, usage: bool | None = None, done: bool = True
) -> Behaviour:
    """Answer like a sound server: whole or streamed, chat, text or embeddings, as the request asks.

    `usage` None sends the usage event when the request asks for it.
    """

    def behave(request: SeenRequest) -> Script:
        body = request.json
        words_said = said or Words(model=request.model)
        if request.path.endswith(("/systemone", "/decisions")):
            return json_reply(200, decided_answer(words_said, request.path))
        if request.path.endswith("/rerank"):
            return json_reply(200, reranked_answer(words_said, len(body["documents"])))
        if request.path.endswith("/embeddings"):
            return json_reply(200, embedding_answer(words_said, [[0.25, -0.5, 0.125]]))
        is_chat = request.path.endswith("/chat/completions")
        if not body.get("stream"):
            return json_reply(200, chat_answer(words_said) if is_chat else text_answer(words_said))
        asked = bool((body.get("stream_options") or {}).get("include_usage"))
        with_usage = asked if usage is None else usage
        make = chat_events if is_chat else text_events
        return sse_reply(*make(words_said, usage=with_usage, done=done), delay_s=delay_s)

    return behave


def calls_tool(tool: ToolCall | None = None) -> Behaviour:
    """Call the given tool, or the request's first one with no arguments; answer in words once its result is there."""

    def behave(request: SeenRequest) -> Script:
        body = request.json
        messages = body.get("messages") or [{}]
        if messages[-1].get("role") == "tool":
            return speaks()(request)
        offered = [entry["function"]["name"] for entry in body.get("tools") or ()]
        chosen = tool or ToolCall(offered[0] if offered else "lookup", "{}")
        return speaks(Words(model=request.model, tool=chosen))(request)

    return behave


def fails(status: int, *, retry_after: str | None = None) -> Behaviour:
    """Answer with that status and an OpenAI-shaped error."""
    headers = ((b"retry-after", retry_after.encode()),) if retry_after is not None else ()
    return always(json_reply(status, error_body(f"scripted {status}", "server_error", status), headers))


def stalls_before() -> Behaviour:
    """Never answer."""
    return always(Reply(before=(End.STALL,)))


def breaks_before(end: End) -> Behaviour:
    """Break off instead of answering."""
    return always(Reply(before=(end,)))


def breaks_after(chunks: int, end: End) -> Behaviour:
    """Send the role and that many content events of a stream, then break off."""

    def behave(request: SeenRequest) -> Script:
        said = Words(model=request.model, pieces=words(chunks))
        events = chat_events(said, usage=False, done=False)[: chunks + 1]
        steps: tuple[Step, ...] = tuple(Send(part) for part in events)
        return Reply(200, SSE, body=(*steps, end), chunked=True)

    return behave


def bursts(tokens: int, *, seed: int = 0) -> Behaviour:
    """Stream as many choices as are asked for, all mixed, in writes that begin and end anywhere within events."""

    def behave(request: SeenRequest) -> Script:
        events = interleaved_events(request.model, int(request.json.get("n") or 1), tokens, seed=seed)
        return sse_reply(*_cut(b"".join(events), Random(seed)))

    return behave


def _cut(stream: bytes, chance: Random) -> list[bytes]:
    pieces = []
    while stream:
        size_bytes = chance.choice((1, 7, 190, 700, 4_000))
        pieces.append(stream[:size_bytes])
        stream = stream[size_bytes:]
    return pieces


def _streams(chunks: int) -> Behaviour:
    return lambda request: speaks(Words(model=request.model, pieces=words(chunks)))(request)


FIXED: Mapping[str, Behaviour] = {
    "ok": speaks(),
    "no-usage": speaks(usage=False),
    "no-done": speaks(done=False),
    "tools": calls_tool(),
    "busy": fails(429, retry_after="1"),
    "throttled": fails(429, retry_after="30"),
    "throttled-without-hint": fails(429),
    "broken": fails(500),
    "overloaded": fails(503, retry_after="2"),
    "rejects": fails(400),
    "mute": stalls_before(),
    "reset": breaks_before(End.RESET),
    "hangs-up": breaks_before(End.CLOSE),
    "garbage": always(sse_reply(b"data: {not json\n\n", b"\xff\xfe\x00 nonsense\n\n")),
    "error-in-200": always(json_reply(200, error_body("scripted failure in a 200", "server_error", None))),
    "error-event": always(sse_reply(event({"error": {"message": "scripted", "type": "server_error", "code": 500}}))),
    "html": always(Reply(502, HTML, body=(Send(b"<html><body><h1>502 Bad Gateway</h1></body></html>"),))),
    "html-in-200": always(Reply(200, HTML, body=(Send(b"<html><body>Please log in</body></html>"),))),
    "empty-stream": always(Reply(200, SSE, chunked=True)),
    "wrong-type": always(Reply(200, ((b"content-type", b"text/plain"),), body=(Send(chat_answer(Words())),))),
    "not-an-answer": always(json_reply(200, dump({"hello": "world"}))),
}
"""Behaviours by the name of the served model."""

COUNTED: Mapping[str, Callable[[int], Behaviour]] = {
    "streams": _streams,
    "bursts": bursts,
    "stalls-after": lambda chunks: breaks_after(chunks, End.STALL),
    "resets-after": lambda chunks: breaks_after(chunks, End.RESET),
    "closes-after": lambda chunks: breaks_after(chunks, End.CLOSE),
}
"""Behaviours with a number, named like `stalls-after:3`."""


def by_model_name(request: SeenRequest) -> Script:
    """Behave as the served model's name says; any unknown name is a sound server."""
    name, _, count = request.model.partition(":")
    if name in COUNTED and count.isdecimal():
        return COUNTED[name](int(count))(request)
    return FIXED.get(name, speaks())(request)
