"""What the encoder reads of a request: the beginning and the end of its last turn, as ids of pieces.

The only implementation: training and serving call it alike. Instructions stand at the start and the question at the
end (few-shot and retrieval prompts), so three eighths of the room go to the head and the rest to the tail.
"""

from typing import Final

from gateway.core.plain_text import essence, turn_text
from gateway.core.wordpiece import WordPieces

ENCLOSING: Final = 2

_HEAD_EIGHTHS: Final = 3
_CHARS_PER_TOKEN: Final = 6
"""English has 4.5. A longer text is cut to so many characters at each end before it is cut into pieces, which bounds
the time; the ends then hold more pieces than fit, but for texts of very long words."""


def encoder_ids(pieces: WordPieces, user_text: str, context_text: str, tokens: int) -> list[int]:
    """Return at most `tokens` ids, the enclosing two among them; a short turn is read with the end of the one before.

    Only the two enclosing ones come of a text without any word.
    """
    return ids_of(pieces, essence(turn_text(user_text, context_text)[0]), tokens)


def ids_of(pieces: WordPieces, text: str, tokens: int) -> list[int]:
    """Return the same of a turn's essence."""
    room = tokens - ENCLOSING
    head = -(-room * _HEAD_EIGHTHS // 8)
    tail = room - head
    if len(text) > room * _CHARS_PER_TOKEN:
        start = pieces.ids(text[: head * _CHARS_PER_TOKEN])[:head]
        end = pieces.ids(text[-tail * _CHARS_PER_TOKEN :])[-tail:]
        return [pieces.first, *start, *end, pieces.last]
    ids = pieces.ids(text)
    if len(ids) > room:
        ids[head:-tail] = []
    return [pieces.first, *ids, pieces.last]
