"""What a kept answer to a chat says: for comparing it with another."""

import msgspec
from msgspec import Struct


# gc=False: these hold no cycles and live for one answer.
class _Message(Struct, gc=False):
    content: str | None = None


class _Choice(Struct, gc=False):
    message: _Message | None = None


class _Body(Struct, gc=False):
    choices: list[_Choice] = []


_DECODER = msgspec.json.Decoder(_Body)


def answer_text(body: bytes) -> str | None:
    """Return the text of the first choice; None where there is none, or none that can be read."""
    try:
        choices = _DECODER.decode(body).choices
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    message = choices[0].message if choices else None
    return None if message is None else message.content
