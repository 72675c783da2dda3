"""The source files that the rules of the house are checked on, and how a breach is told."""

import ast
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).parents[2]
CODE = ("gateway", "router_models", "load_tests", "deploy")
"""The top-level packages that ship, measure or operate; `tests` has rules of its own."""

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Source:
    """One Python file: where it lies below the repository root, and what it says."""

    path: PurePosixPath
    text: str
    tree: ast.Module

    @property
    def top(self) -> str:
        """Return the top-level folder."""
        return self.path.parts[0]

    @cached_property
    def module(self) -> str:
        """Return the dotted name under which it is imported."""
        return ".".join(self.path.with_suffix("").parts)

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        """Return every node of the tree: walked once, as a dozen rules look at them."""
        return tuple(ast.walk(self.tree))

    @cached_property
    def functions(self) -> tuple[FunctionNode, ...]:
        """Return every function and method, nested ones included."""
        return tuple(node for node in self.nodes if isinstance(node, FunctionNode))

    @cached_property
    def imports(self) -> frozenset[str]:
        """Return the dotted names it imports: modules, and what it takes from them, which may be modules too."""
        found: set[str] = set()
        for node in self.nodes:
            if isinstance(node, ast.Import):
                found |= {name.name for name in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found |= {node.module, *(f"{node.module}.{name.name}" for name in node.names)}
        return frozenset(found)

    def is_within(self, *places: str) -> bool:
        """Tell whether this is one of the files, or lies below one of the folders, that are named."""
        return any(self.path == PurePosixPath(place) or self.path.is_relative_to(place) for place in places)


@dataclass(frozen=True, slots=True)
class Breach:
    """A rule broken at a place, and how to mend it."""

    source: Source
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.source.path}:{self.line}: {self.what}"


Rule = Callable[[Source], Iterator[Breach]]


def source_of(path: str, text: str) -> Source:
    """Parse a piece of Python as if it stood at that path."""
    return Source(PurePosixPath(path), text, ast.parse(text, path))


def sources(*tops: str) -> tuple[Source, ...]:
    """Return every Python file below the top-level folders."""
    return tuple(source for top in tops for source in _read(top))


@cache
def _read(top: str) -> tuple[Source, ...]:
    files = sorted((ROOT / top).rglob("*.py"))
    return tuple(source_of(path.relative_to(ROOT).as_posix(), path.read_text("utf-8")) for path in files)


def assert_kept(rule: Rule, of: Iterable[Source]) -> None:
    """Fail with every breach of the rule, one a line."""
    breaches = [str(breach) for source in of for breach in rule(source)]
    assert not breaches, "\n" + "\n".join(breaches)


def lines_found(rule: Rule, path: str, text: str) -> list[int]:
    """Return the lines at which the rule finds a breach: how a rule is shown to be able to fail."""
    return sorted(breach.line for breach in rule(source_of(path, text)))


def dotted_name(node: ast.expr) -> str:
    """Return `a.b.c` for a chain of plain names, and an empty string for any other expression."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    return ".".join([node.id, *reversed(parts)])
