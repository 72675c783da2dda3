"""What holds of the tests themselves: each source has one, none replaces our own parts, none sleeps."""

import ast
import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from tests.architecture.sources import (
    ROOT,
    Breach,
    Source,
    assert_kept,
    dotted_name,
    lines_found,
    source_of,
    sources,
)

ENVIRONMENT_ONLY = {"setenv", "delenv", "chdir", "context", "undo"}
"""What of pytest's monkeypatch touches the process's surroundings rather than our code."""


def nothing_of_ours_is_replaced(source: Source) -> Iterator[Breach]:
    """Yield mocks, and monkeypatching beyond the environment."""
    for node in source.nodes:
        if _is_mock(node):
            yield Breach(source, getattr(node, "lineno", 1), "a mock; pass a fake that holds to the port's contract")
        elif isinstance(node, ast.Attribute) and _is_patch(node):
            yield Breach(source, node.lineno, f"monkeypatch.{node.attr}; make it a parameter and pass a fake")


def _is_patch(node: ast.Attribute) -> bool:
    return dotted_name(node.value) == "monkeypatch" and node.attr not in ENVIRONMENT_ONLY


def _is_mock(node: ast.AST) -> bool:
    match node:
        case ast.Import(names=names):
            return any(name.name in {"unittest.mock", "mock"} for name in names)
        case ast.ImportFrom(module="unittest", names=names):
            return any(name.name == "mock" for name in names)
        case ast.ImportFrom(module=module):
            return module in {"unittest.mock", "mock"}
        case _:
            return False


def nothing_sleeps(source: Source) -> Iterator[Breach]:
    """Yield waits for a guessed time. A sleep of zero only lets others run, one in a task of its own delays nobody."""
    if source.is_within("tests/support"):
        return
    for node in source.nodes:
        if _blocks(node) or (isinstance(node, ast.Await) and _waits(node.value)):
            line = getattr(node, "lineno", 1)
            yield Breach(source, line, "sleeps; wait for an event, or poll with tests.support.waiting")


def _blocks(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and dotted_name(node.func) == "time.sleep"


def _waits(awaited: ast.expr) -> bool:
    return isinstance(awaited, ast.Call) and dotted_name(awaited.func) == "asyncio.sleep" and _is_positive(awaited)


def _is_positive(call: ast.Call) -> bool:
    given = call.args[0] if call.args else None
    return isinstance(given, ast.Constant) and isinstance(given.value, int | float) and given.value > 0


def untested(code: tuple[Source, ...], tests: tuple[Source, ...]) -> Iterator[Breach]:
    """Yield source files with logic for which no test file is named, and from which none of their room imports."""
    for source in code:
        if source.path.name == "__init__.py" or source.is_within("gateway/ports.py") or not _has_logic(source):
            continue
        if not any(_is_test_of(source, test) for test in tests):
            mirror = PurePosixPath("tests/unit", *source.path.parts[1:-1], f"test_{_stem(source.path)}.py")
            yield Breach(source, 1, f"has no test file; write {mirror}, or import it in a test of its room")


def _is_test_of(code: Source, test: Source) -> bool:
    name, stem = f"test_{_stem(code.path)}", test.path.stem
    is_meant = stem == name or stem.startswith(f"{name}_") or (stem.startswith("test_") and code.module in test.imports)
    if not is_meant:
        return False
    room = test.path.parts[1:-1]
    return room[:1] in {("contract",), ("property",), ("e2e",)} or room == ("unit", *code.path.parts[1:-1])


def _stem(code: PurePosixPath) -> str:
    return code.stem.lstrip("_")


def _has_logic(source: Source) -> bool:
    for function in source.functions:
        body = [node for node in function.body if not isinstance(node, ast.Expr | ast.Pass)]
        if body:
            return True
    return False


def test_nothing_of_ours_is_replaced() -> None:
    assert_kept(nothing_of_ours_is_replaced, sources("tests"))


def test_nothing_sleeps() -> None:
    assert_kept(nothing_sleeps, sources("tests"))


def test_every_source_file_has_its_test_file() -> None:
    breaches = [str(breach) for breach in untested(sources("gateway"), sources("tests"))]
    assert not breaches, "\n" + "\n".join(breaches)


def test_the_gate_runs_every_folder_of_tests() -> None:
    gate = (ROOT / "deploy/check.sh").read_text(encoding="utf-8")
    folders = {path.relative_to(ROOT).parts[1] for path in ROOT.glob("tests/*/**/test_*.py")}
    assert folders == set(re.findall(r"\btests/(\w+)", gate))


def test_mocks_and_patches_of_our_own_are_found() -> None:
    text = (
        "from unittest.mock import patch\nfrom unittest import mock\nimport unittest.mock\n"
        "monkeypatch.setattr(a, 'b', c)\nmonkeypatch.setenv('A', 'b')\nhttpx.MockTransport(f)\n"
    )
    assert lines_found(nothing_of_ours_is_replaced, "tests/unit/x.py", text) == [1, 2, 3, 4]


def test_sleeping_is_found() -> None:
    text = "time.sleep(0)\nawait asyncio.sleep(0.1)\nawait asyncio.sleep(0)\nawait asyncio.sleep(delay_s)\n"
    text += "asyncio.create_task(asyncio.sleep(60))\n"
    assert lines_found(nothing_sleeps, "tests/e2e/x.py", text) == [1, 2]
    assert lines_found(nothing_sleeps, "tests/support/waiting.py", text) == []


def test_a_source_without_a_test_is_found() -> None:
    logic = source_of("gateway/core/picker.py", "def pick():\n    return 1\n")
    nouns = source_of("gateway/core/nouns.py", "class A:\n    b: int\n")
    for named in ("tests/unit/core/test_picker.py", "tests/property/test_picker_load.py"):
        assert not list(untested((logic, nouns), (source_of(named, ""),)))
    importing = source_of("tests/unit/core/test_routing.py", "from gateway.core.picker import pick\n")
    assert not list(untested((logic, nouns), (importing,)))
    for other in ("tests/unit/wire/test_picker.py", "tests/unit/core/test_pick.py", "tests/support/picker.py"):
        assert [breach.source for breach in untested((logic, nouns), (source_of(other, ""),))] == [logic]
