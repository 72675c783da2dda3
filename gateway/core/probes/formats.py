"""Probes of exact formats: JSON of a given shape, tables, lists."""

import json
from typing import Final

from gateway.core.probes.draws import Draws
from gateway.core.probes.grading import are_lines, is_json
from gateway.core.probes.probe import Family, Task
from gateway.core.probes.vocabulary import ANIMALS, CITIES, COLOURS, JOBS, NAMES, ONLY

_ROWS: Final = (1, 2, 3, 5, 8, 12)
_FIELDS: Final = ("name", "age", "city", "married", "colors", "work")


def make_json(level: int, draws: Draws) -> Task:
    """Write what is told of a person as a JSON object; higher levels have more fields, lists and nesting."""
    name, age, city = draws.pick(NAMES), draws.between(20, 70), draws.pick(CITIES)
    job, years, is_married = draws.pick(JOBS), draws.between(1, 15), bool(draws.below(2))
    colours = draws.sample(COLOURS, 2)
    told = [f"{name} is {age} years old.", f"{name} lives in {city}."]
    told.append(f"{name} is {'' if is_married else 'not '}married.")
    told.append(f"The favorite colors of {name} are {colours[0]} and {colours[1]}.")
    told.append(f"{name} has worked as a {job} for {years} years.")
    values: dict[str, object] = {"name": name, "age": age, "city": city, "married": is_married, "colors": colours}
    values["work"] = {"job": job, "years": years}
    shapes = {
        "name": "a string", "age": "a number", "city": "a string", "married": "true or false",
        "colors": "a list of strings in the order given", "work": "an object with the keys job and years",
    }  # fmt: skip
    wanted = {field: values[field] for field in _FIELDS[: max(level, 2)]}
    described = ", ".join(f"`{field}` ({shapes[field]})" for field in wanted)
    if level == 1:
        wanted, described = {"name": name}, "`name` (a string)"
    text = f"{' '.join(told[: max(level - 1, 1)])}\nWrite this as a JSON object with the keys {described}. {ONLY}"
    return Task(text, json.dumps(wanted), is_json(wanted))


def make_table(level: int, draws: Draws) -> Task:
    """Write what is told of animals as comma-separated values, sorted on the higher levels."""
    rows = [(draws.pick(NAMES), draws.pick(ANIMALS), draws.between(1, 99)) for _ in range(_ROWS[level - 1])]
    rows = list({(name, animal): (name, animal, count) for name, animal, count in rows}.values())
    told = " ".join(f"{name} saw a {animal} {count} times." for name, animal, count in rows)
    order = ""
    if level > 3:
        rows.sort(key=lambda row: (row[2], row[0], row[1]))
        order = " Sort the rows by count, then by name, then by animal."
    lines = ["name,animal,count", *(f"{name},{animal},{count}" for name, animal, count in rows)]
    text = f"{told}\nWrite this as CSV with the header `{lines[0]}` and one row for each sentence.{order} {ONLY}"
    return Task(text, "\n".join(lines), are_lines(lines))


def make_list(level: int, draws: Draws) -> Task:
    """Write a numbered list of words, with rules for order and spelling."""
    words = draws.sample((*ANIMALS, *COLOURS, *JOBS), 2 * level + 1)
    rules = ["Write these words as a numbered list, one word on each line, in the form `1. word`."]
    made = list(words)
    if level > 1:
        made.sort()
        rules.append("Sort them by the alphabet.")
    if level > 2:
        made = [word.upper() for word in made]
        rules.append("Write them in capital letters.")
    if level > 4:
        made.reverse()
        rules.append("Begin with the last word of the alphabet.")
    if level > 5:
        made = [f"{word} ({len(word)})" for word in made]
        rules.append("After each word write its number of letters in brackets, as in `1. WORD (4)`.")
    lines = [f"{number}. {word}" for number, word in enumerate(made, 1)]
    text = f"{' '.join(rules)} {ONLY}\n{', '.join(words)}"
    return Task(text, "\n".join(lines), are_lines(lines))


FAMILIES: Final = tuple(
    Family(name, "formats", make) for name, make in (("json", make_json), ("tables", make_table), ("lists", make_list))
)
