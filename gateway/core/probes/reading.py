"""Read answers as people would: a final number, a boxed one, what follows `Answer:`, JSON in a fence.

The expressions are bounded, and answers are cut to `MAX_CHARS` first, so that no answer takes long to read.
"""

import json
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

MAX_CHARS: Final = 100_000
"""Of an answer; what a probe asks for is at most 2,000."""

_OPENING: Final = re.compile(r"<(?:think|thinking|thought|reasoning)>")
_CLOSING: Final = ("</think>", "</thinking>", "</thought>", "</reasoning>")
_NUMBER: Final = re.compile(r"[-−]?\d[\d,]{0,60}(?:\.\d{1,60})?")
_MARK: Final = re.compile(r"(?i)\banswer(?: is)?[*_` ]{0,4}[:=]|\banswer is\b")
_BOXED: Final = "\\boxed{"
_FENCE: Final = "```"
_DECORATION: Final = " \t*_`\"'“”‘’$"


def without_thinking(answer: str) -> str:
    """Drop what a model thought aloud. Of thinking that never ended nothing is left: there is no answer.

    Some servers put the opening mark into the prompt, so a closing mark alone ends thinking too.
    """
    text = answer[-MAX_CHARS:]
    for closing in _CLOSING:
        text = text.rpartition(closing)[2]
    opened = _OPENING.search(text)
    return (text[: opened.start()] if opened else text).strip()


def last_line(text: str) -> str:
    """Return the last line that holds anything."""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")


def final_answer(text: str) -> str | None:
    """Return what is marked as the answer: the last `\\boxed{…}`, or what follows the last `Answer:`."""
    boxed = text.rfind(_BOXED)
    if boxed >= 0:
        inside, closed, _ = text[boxed + len(_BOXED) :].partition("}")
        if closed:
            return plain(inside)
    marks = list(_MARK.finditer(text))
    if not marks:
        return None
    below = text[marks[-1].end() :].splitlines()
    return next((plain(line) for line in below if plain(line)), "")


def plain(text: str) -> str:
    """Drop marks of emphasis and quotes around a text, and the full stop after it."""
    return text.strip(_DECORATION).removesuffix(".").strip(_DECORATION)


def numbers_in(text: str) -> list[Decimal]:
    """Return the numbers that a text holds, in their order; a comma between digits groups thousands."""
    return [Decimal(written.replace("−", "-").replace(",", "")) for written in _NUMBER.findall(text)]


def final_number(text: str) -> Decimal | None:
    """Return the number that an answer gives: the last of what is marked as the answer, or else of the whole text.

    After an `=` comes the result, so the last number is taken, not the first.
    """
    marked = final_answer(text)
    numbers = numbers_in(marked) if marked else []
    numbers = numbers or numbers_in(text)
    return numbers[-1] if numbers else None


def final_choice(text: str, choices: Sequence[str]) -> str | None:
    """Return the one choice that an answer names, in what is marked as the answer or else in its last line.

    None where it names several or none: who lists every name has not answered.
    """
    marked = final_answer(text)
    where = (marked if marked else last_line(text)).lower()
    named = {choice for choice in choices if re.search(rf"\b{re.escape(choice.lower())}\b", where)}
    return named.pop() if len(named) == 1 else None


def unfenced(text: str) -> str | None:
    """Return what a reply holds: itself, or the inside of the one fence it consists of; None beside a fence."""
    whole = text.strip()
    if _FENCE not in whole:
        return whole
    parts = whole.split(_FENCE)
    if len(parts) != 3 or parts[0].strip() or parts[2].strip():
        return None
    first, newline, rest = parts[1].partition("\n")
    is_language = newline and not first.strip().strip("abcdefghijklmnopqrstuvwxyz0123456789")
    return (rest if is_language else parts[1]).strip()


def json_in(text: str) -> object | None:
    """Return the JSON document that a reply consists of, fenced or not; None where it holds anything else."""
    whole = unfenced(text)
    if not whole:
        return None
    try:
        document: object = json.loads(whole)
    except (ValueError, RecursionError):
        return None
    return document


def words_of(text: str) -> list[str]:
    """Return the words of a text as people count them: between blanks, and holding a letter or a digit."""
    return [word for word in text.split() if any(character.isalnum() for character in word)]


def bare(word: str) -> str:
    """Return a word in lower case without the punctuation around it."""
    return word.lower().strip(".,;:!?\"'()[]*_`“”‘’—–-")
