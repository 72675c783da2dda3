"""Probes of instructions: word counts, copying with edits, forbidden letters, several rules at once.

Each is drawn with an answer that keeps its rules, so that none asks for what cannot be.
"""

from typing import Final

from gateway.core.probes.draws import Draws
from gateway.core.probes.grading import is_passage
from gateway.core.probes.probe import Family, Grade, Task
from gateway.core.probes.reading import bare, unfenced, words_of
from gateway.core.probes.vocabulary import NAMES, ONLY, TOPICS, WORDS

_WORD_COUNTS: Final = (3, 6, 10, 16, 25, 40)
_SENTENCES: Final = (2, 3, 4, 6, 8, 11)
_FORBIDDEN: Final = ("z", "x", "g", "m", "o", "e")
"""By level, the letter that must not occur: from rare to the most common."""
_LEAST_WORDS: Final = (4, 6, 8, 10, 12, 14)
_RULE_WORDS: Final = (5, 7, 9, 12, 15, 20)


def _sentence(words: list[str]) -> str:
    return f"{' '.join(words).capitalize()}."


def make_word_count(level: int, draws: Draws) -> Task:
    """Write a sentence of exactly so many words, two of which are given."""
    count, topic = _WORD_COUNTS[level - 1], draws.pick(TOPICS)
    words = draws.sample([word for word in WORDS if word != topic], count - 1)
    other, solution = words[0], _sentence([*words, topic])

    def grade(answer: str) -> bool:
        written = words_of(unfenced(answer) or "")
        return len(written) == count and {topic, other} <= set(map(bare, written))

    text = f"Write one sentence of exactly {count} words. `{topic}` and `{other}` must be among them. {ONLY}"
    return Task(text, solution, grade)


def make_copy(level: int, draws: Draws) -> Task:
    """Copy a text with as many edits as the level."""
    subjects = [f"{name} likes the {word}." for name, word in _pairs(draws, _SENTENCES[level - 1])]
    made, edits = list(subjects), []
    old, new = made[0].split()[-1].removesuffix("."), draws.pick(("robot", "basket", "candle"))
    made = [sentence.replace(f" {old}.", f" {new}.") for sentence in made]
    edits.append(f"Replace the word `{old}` by `{new}`.")
    if level > 1:
        made[-1] = made[-1].upper()
        edits.append("Write the last sentence in capital letters.")
    if level > 2:
        del made[1]
        edits.append("Leave the second sentence out.")
    if level > 3:
        made.append("That is all.")
        edits.append("Add the sentence `That is all.` at the end.")
    if level > 4:
        made[0], made[1] = made[1], made[0]
        edits.append("After that, swap the first two sentences of the result.")
    if level > 5:
        made = [sentence.replace("likes", "sees") for sentence in made]
        edits.append("Everywhere replace `likes` by `sees`, but not in the sentence in capital letters.")
    passage = " ".join(made)
    text = f"Copy the text below with these changes. {' '.join(edits)} {ONLY}\n\n{' '.join(subjects)}"
    return Task(text, passage, is_passage(passage))


def _pairs(draws: Draws, count: int) -> list[tuple[str, str]]:
    return list(zip(draws.sample(NAMES, count), draws.sample(WORDS, count), strict=True))


def make_letter_rule(level: int, draws: Draws) -> Task:
    """Write a sentence without a letter."""
    letter, least = _FORBIDDEN[level - 1], _LEAST_WORDS[level - 1]
    topic = draws.pick([word for word in TOPICS if letter not in word])
    words = draws.sample([word for word in WORDS if letter not in word and word != topic], least)
    other, solution = words[0], _sentence([topic, *words])

    def grade(answer: str) -> bool:
        reply = (unfenced(answer) or "").lower()
        written = set(map(bare, words_of(reply)))
        return letter not in reply and least <= len(written) and {topic, other} <= written

    text = (
        f"Write a sentence with at least {least} different words in which the letter `{letter}` does not occur. "
        f"`{topic}` and `{other}` must be among them. {ONLY}"
    )
    return Task(text, solution, grade)


def make_many_rules(level: int, draws: Draws) -> Task:
    """Write a sentence that keeps as many rules as the level, and one more."""
    words = draws.sample(WORDS, _RULE_WORDS[level - 1])
    middle, count = words[len(words) // 2], len(words)
    solution = _sentence(words)
    rules: list[tuple[str, Grade]] = [
        (f"it begins with the word `{words[0]}`", lambda reply: bare(words_of(reply)[0]) == words[0]),
        (f"it ends with the word `{words[-1]}`", lambda reply: bare(words_of(reply)[-1]) == words[-1]),
        (f"the word `{middle}` is in it", lambda reply: middle in map(bare, words_of(reply))),
        ("it has no comma", lambda reply: "," not in reply),
        (f"it has exactly {count} words", lambda reply: len(words_of(reply)) == count),
        ("no word is in it twice", lambda reply: len(set(map(bare, words_of(reply)))) == len(words_of(reply))),
        ("it ends with a full stop", lambda reply: reply.rstrip().endswith(".")),
    ]
    asked = rules[: level + 1]

    def grade(answer: str) -> bool:
        reply = unfenced(answer) or ""
        return bool(words_of(reply)) and all(is_kept(reply) for _, is_kept in asked)

    listed = "\n".join(f"- {rule}" for rule, _ in asked)
    return Task(f"Write one sentence that keeps all of these rules:\n{listed}\n{ONLY}", solution, grade)


FAMILIES: Final = tuple(
    Family(name, "instructions", make)
    for name, make in (
        ("word counts", make_word_count),
        ("copies", make_copy),
        ("letter rules", make_letter_rule),
        ("many rules", make_many_rules),
    )
)
