"""One word, one meaning: names that say nothing, or that name what has another name here, are refused."""

import ast
import re
from collections.abc import Iterator

from tests.architecture.sources import CODE, Breach, Source, assert_kept, lines_found, sources

INSTEAD = {
    "backend": "say endpoint, upstream or tier",
    "cooldown": "say eject and readmit",
    "manager": "say what it does",
    "helper": "say what it does",
    "helpers": "say what they do",
    "util": "say what it does",
    "utils": "say what they do",
    "config_dict": "say policy, snapshot or settings",
    "info": "say what is known",
}
"""Banned word to what to write instead."""

_WORD_BREAK = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def names_say_something(source: Source) -> Iterator[Breach]:
    """Yield modules, packages, classes and functions named by a banned word."""
    for part in source.path.with_suffix("").parts:
        yield from _judge(source, 1, part)
    for node in source.nodes:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _judge(source, node.lineno, node.name)


def _judge(source: Source, line: int, name: str) -> Iterator[Breach]:
    words = f"_{_WORD_BREAK.sub('_', name).lower()}_"
    for banned, instead in INSTEAD.items():
        if f"_{banned}_" in words:
            yield Breach(source, line, f"{name!r} holds the word {banned!r}; {instead}")


def test_names_say_something() -> None:
    assert_kept(names_say_something, sources(*CODE, "tests"))


def test_banned_words_are_found_in_snake_and_camel_case() -> None:
    text = "class HTTPBackend: ...\nclass PoolManager: ...\ndef string_utils(): ...\nasync def config_dict_of(): ...\n"
    assert lines_found(names_say_something, "gateway/core/x.py", text) == [1, 2, 3, 4]
    assert lines_found(names_say_something, "gateway/core/routing_helpers.py", "") == [1]
    assert lines_found(names_say_something, "gateway/utils/x.py", "") == [1]


def test_words_that_merely_contain_a_banned_one_pass() -> None:
    text = "class Information: ...\ndef inform(): ...\ndef futile(): ...\ninfo = 1\n"
    assert lines_found(names_say_something, "gateway/core/x.py", text) == []
