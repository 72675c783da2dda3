"""Imports stand at the top, packages hold no logic, names are shared by nobody, and failures are named."""

import ast
from collections.abc import Iterator

from tests.architecture.sources import CODE, Breach, Source, assert_kept, dotted_name, lines_found, sources

MAY_CATCH_ALL = ("gateway/pipeline/drive.py", "gateway/pipeline/interpreter.py")
"""The two places that turn whatever went wrong into an outcome."""

_BROAD = {"Exception", "BaseException", "builtins.Exception", "builtins.BaseException"}
_SUPPRESS = {"suppress", "contextlib.suppress"}


def imports_stand_at_the_top(source: Source) -> Iterator[Breach]:
    """Yield imports inside functions."""
    spans = [(function.lineno, function.end_lineno or function.lineno) for function in source.functions]
    lines = {node.lineno for node in source.nodes if isinstance(node, ast.Import | ast.ImportFrom) and node.col_offset}
    lines = {line for line in lines if any(first <= line <= last for first, last in spans)}
    for line in sorted(lines):
        yield Breach(source, line, "import inside a function; move it to the top, or the function to its own module")


def nothing_is_global(source: Source) -> Iterator[Breach]:
    """Yield `global` statements."""
    for node in source.nodes:
        if isinstance(node, ast.Global):
            yield Breach(source, node.lineno, "global statement; hold the state in an object that is passed in")


def packages_hold_no_logic(source: Source) -> Iterator[Breach]:
    """Yield what is neither a docstring, a constant nor a re-export in an `__init__.py`."""
    if source.path.name != "__init__.py":
        return
    for node in source.tree.body:
        if not _is_plain(node):
            yield Breach(source, node.lineno, "logic in a package's __init__; move it to a module and re-export it")


def _is_plain(node: ast.stmt) -> bool:
    match node:
        case ast.Import() | ast.ImportFrom():
            return True
        case ast.Expr(value=ast.Constant()):
            return True
        case ast.Assign(value=value) | ast.AnnAssign(value=ast.expr() as value):
            return not any(isinstance(part, ast.Call | ast.Await | ast.Lambda) for part in ast.walk(value))
        case _:
            return False


def failures_are_named(source: Source) -> Iterator[Breach]:
    """Yield handlers that catch everything, bare or broad, and the same through `contextlib.suppress`."""
    if source.is_within(*MAY_CATCH_ALL):
        return
    for node in source.nodes:
        if isinstance(node, ast.ExceptHandler) and (node.type is None or _is_broad(node.type)):
            yield Breach(source, node.lineno, "catches everything; name the failures that are expected here")
        elif isinstance(node, ast.Call) and dotted_name(node.func) in _SUPPRESS and any(map(_is_broad, node.args)):
            yield Breach(source, node.lineno, "suppresses everything; name the failures that are expected here")


def _is_broad(caught: ast.expr) -> bool:
    members = caught.elts if isinstance(caught, ast.Tuple) else [caught]
    return any(dotted_name(member) in _BROAD for member in members)


def test_imports_stand_at_the_top() -> None:
    assert_kept(imports_stand_at_the_top, sources(*CODE, "tests"))


def test_nothing_is_global() -> None:
    assert_kept(nothing_is_global, sources(*CODE, "tests"))


def test_packages_hold_no_logic() -> None:
    assert_kept(packages_hold_no_logic, sources(*CODE, "tests"))


def test_failures_are_named() -> None:
    assert_kept(failures_are_named, sources(*CODE))


def test_an_import_inside_a_function_is_found_once() -> None:
    text = "import a\ndef f():\n    def g():\n        from b import c\n"
    assert lines_found(imports_stand_at_the_top, "gateway/x.py", text) == [4]


def test_a_global_is_found() -> None:
    assert lines_found(nothing_is_global, "gateway/x.py", "def f():\n    global a\n") == [2]


def test_logic_in_a_package_is_found() -> None:
    plain = '"""Doc."""\nfrom a import b\n__all__ = ["b"]\nLIMIT: int = 3 * 1024\n'
    assert lines_found(packages_hold_no_logic, "gateway/a/__init__.py", plain) == []
    logic = "def f(): ...\nX = f()\nif X:\n    pass\nY: int\n"
    assert lines_found(packages_hold_no_logic, "gateway/a/__init__.py", logic) == [1, 2, 3, 5]
    assert lines_found(packages_hold_no_logic, "gateway/a/b.py", logic) == []


def test_catching_everything_is_found() -> None:
    heads = ("except:", "except Exception:", "except (OSError, BaseException) as error:")
    for head in heads:
        text = f"try:\n    pass\n{head}\n    pass\n"
        assert lines_found(failures_are_named, "gateway/core/x.py", text) == [3]
        assert lines_found(failures_are_named, "gateway/pipeline/drive.py", text) == []
    assert lines_found(failures_are_named, "gateway/core/x.py", "with suppress(Exception):\n    pass\n") == [1]
    named = "try:\n    pass\nexcept (OSError, ValueError):\n    pass\nwith suppress(KeyError):\n    pass\n"
    assert lines_found(failures_are_named, "gateway/core/x.py", named) == []
