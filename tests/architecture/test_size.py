"""Files, functions and nesting stay small enough to be read at once."""

import ast
from collections.abc import Iterator

from tests.architecture.sources import CODE, Breach, Source, assert_kept, lines_found, sources

FILE_LINES = 300
FUNCTION_LINES = 60
NESTING = 4
_BLOCKS = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Try, ast.TryStar, ast.Match)
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


def files_are_short(source: Source) -> Iterator[Breach]:
    """Yield the file if it is too long."""
    lines = source.text.count("\n")
    if lines > FILE_LINES:
        yield Breach(source, FILE_LINES + 1, f"{lines} lines, {FILE_LINES} at most; split it where a reader would")


def functions_are_short(source: Source) -> Iterator[Breach]:
    """Yield the functions that are too long, decorators not counted."""
    for function in source.functions:
        lines = (function.end_lineno or function.lineno) - function.lineno + 1
        if lines > FUNCTION_LINES:
            what = f"{function.name} has {lines} lines; name its parts and call them, {FUNCTION_LINES} at most"
            yield Breach(source, function.lineno, what)


def nesting_is_shallow(source: Source) -> Iterator[Breach]:
    """Yield the functions whose blocks lie too deep in one another. `elif` is no deeper than its `if`."""
    for function in source.functions:
        depth = _depth(function)
        if depth > NESTING:
            what = f"{function.name} nests {depth} blocks; return early or name the inner part, {NESTING} at most"
            yield Breach(source, function.lineno, what)


def _depth(node: ast.AST, *, is_elif: bool = False) -> int:
    own = 1 if isinstance(node, _BLOCKS) and not is_elif else 0
    deepest = 0
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, _SCOPES):
            deepest = max(deepest, _depth(child, is_elif=_is_elif(node, child)))
    return own + deepest


def _is_elif(parent: ast.AST, child: ast.AST) -> bool:
    return isinstance(parent, ast.If) and isinstance(child, ast.If) and parent.orelse == [child]


def test_files_are_short() -> None:
    assert_kept(files_are_short, sources(*CODE))


def test_functions_are_short() -> None:
    assert_kept(functions_are_short, sources(*CODE))


def test_nesting_is_shallow() -> None:
    assert_kept(nesting_is_shallow, sources(*CODE))


def test_a_long_file_is_found() -> None:
    assert lines_found(files_are_short, "gateway/x.py", "a = 1\n" * 300) == []
    assert lines_found(files_are_short, "gateway/x.py", "a = 1\n" * 301) == [301]


def test_a_long_function_is_found_at_its_def() -> None:
    body = "    a = 1\n"
    assert lines_found(functions_are_short, "gateway/x.py", "@cache\ndef f():\n" + body * 59) == []
    assert lines_found(functions_are_short, "gateway/x.py", "@cache\ndef f():\n" + body * 60) == [2]
    assert lines_found(functions_are_short, "gateway/x.py", "class A:\n async def f():\n" + "  a = 1\n" * 60) == [2]


def _nested(blocks: int) -> str:
    heads = "".join("    " * level + "if a:\n" for level in range(1, blocks + 1))
    return "def f():\n" + heads + "    " * (blocks + 1) + "a = 1\n"


def test_deep_nesting_is_found() -> None:
    assert lines_found(nesting_is_shallow, "gateway/x.py", _nested(4)) == []
    assert lines_found(nesting_is_shallow, "gateway/x.py", _nested(5)) == [1]


def test_elif_is_no_deeper_than_its_if() -> None:
    chain = "def f():\n    if a:\n        b\n" + "    elif a:\n        b\n" * 9
    assert lines_found(nesting_is_shallow, "gateway/x.py", chain) == []


def test_a_nested_function_is_judged_by_itself() -> None:
    inner = "\n".join("    " * 4 + line for line in _nested(4).splitlines())
    text = f"def outer():\n    if a:\n        if a:\n            if a:\n{inner}\n"
    assert lines_found(nesting_is_shallow, "gateway/x.py", text) == []
