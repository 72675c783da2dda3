"""A chat's whole answer to the response that says the same, and the other way round."""

from typing import Any

from gateway.wire.responses.chat import Function, Said, arguments_of, read_chat, text_of
from gateway.wire.responses.output import (
    COMPLETED,
    Names,
    call_item,
    ended,
    message_item,
    reasoning_item,
    refusal_part,
    reported,
    response,
    summary_part,
    text_part,
    token_odds,
)


def answer_from_chat(body: bytes, echo: bytes) -> bytes:
    """Write a chat's answer as a response; one that is a response already stays as it is. Never raises.

    `echo` holds what it repeats of its request (`echo.py`).
    """
    read = read_chat(body)
    if read.object == "response":
        return body
    names = Names(read.id)
    choice = read.choices[0] if read.choices else None
    status, why = ended(choice.finish_reason if choice else None)
    output: list[bytes] = []
    if choice is not None and choice.message is not None:
        odds = token_odds(choice.logprobs.content if choice.logprobs else None)
        output = _output(choice.message, names, status, odds)
    return response(
        names,
        created=read.created,
        model=read.model,
        status=status,
        why_incomplete=why,
        output=output,
        usage=reported(read.usage),
        echo=echo,
    )


def _output(message: Said, names: Names, status: bytes, odds: list[Any]) -> list[bytes]:
    """Write what a message holds, in the order in which a model writes it. Only the last item can be incomplete."""
    thought, text = message.reasoning_content or message.reasoning, text_of(message.content)
    calls = message.tool_calls or ()
    output: list[bytes] = []
    if thought:
        output.append(reasoning_item(names.item("rs", 0), [summary_part(thought)]))
    parts = [text_part(text, odds)] if text else []
    if message.refusal:
        parts.append(refusal_part(message.refusal))
    if parts:
        output.append(message_item(names.item("msg", len(output)), COMPLETED if calls else status, parts))
    for at, call in enumerate(calls, 1):
        function = call.function or Function()
        state = COMPLETED if at < len(calls) else status
        name = names.item("fc", len(output))
        output.append(call_item(name, state, call.id or "", function.name or "", arguments_of(function)))
    return output
