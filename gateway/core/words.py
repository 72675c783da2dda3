"""What counts as a word: letters in lower case, digits as `0`, and every byte beyond ASCII."""

from typing import Final


def _table() -> bytes:
    table = bytearray(b" " * 256)
    for code in range(256):
        char = chr(code)
        if code >= 0x80:
            table[code] = code
        elif char.isdigit():
            table[code] = ord("0")
        elif char.isalpha():
            table[code] = ord(char.lower())
    return bytes(table)


WORD_TABLE: Final = _table()
"""For `bytes.translate`, which with `split` takes a tenth of the time of a regular expression."""


def words_of(text: str) -> list[bytes]:
    """Return a text's words in their order."""
    return text.encode("utf-8", "surrogatepass").translate(WORD_TABLE).split()
