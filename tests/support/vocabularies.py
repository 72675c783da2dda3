"""A small WordPiece vocabulary: every printed character alone and as a continuation, and some longer pieces."""

import string

PIECES = (
    "un",
    "happy",
    "the",
    "token",
    "of",
    "play",
    "ing",
    "e",
    "##ing",
    "##ize",
    "##izer",
    "##ization",
    "##s",
    "##ed",
)


def small_vocabulary() -> list[str]:
    """Return the pieces in the order of their ids: the special ones first, as BERT has them."""
    alone = string.ascii_lowercase + string.digits + string.punctuation + "éßœ中国ω"
    follow = string.ascii_lowercase + string.digits + "ß"
    special = ["[PAD]", "[unused0]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    return list(dict.fromkeys([*special, *alone, *(f"##{char}" for char in follow), *PIECES]))
