"""Time, chance and the environment come in as parameters, and tasks belong to those who can end them."""

import ast
from collections.abc import Iterator

from tests.architecture.sources import Breach, Source, assert_kept, dotted_name, lines_found, sources

THE_WORLD = ("gateway/adapters", "gateway/app/settings.py")
MAY_START_TASKS = (
    "gateway/adapters",
    "gateway/app",
    "gateway/pipeline/drive.py",
    "gateway/pipeline/interpreter.py",
)
_TASK_STARTERS = {"create_task", "ensure_future"}
_WORLD_MODULES = {"time", "random"}
_WORLD_NAMES = {
    "os.environ",
    "os.getenv",
    "os.putenv",
    "os.urandom",
    "datetime.now",
    "datetime.utcnow",
    "datetime.today",
    "date.today",
    "datetime.datetime.now",
    "datetime.datetime.utcnow",
    "datetime.date.today",
}
_MEASURING = ("router_models", "load_tests")
"""Their business is to measure and to draw samples: clocks are free there, chance must be seeded."""


def the_world_is_a_parameter(source: Source) -> Iterator[Breach]:
    """Yield uses of clocks, chance and the environment outside the adapters and the settings."""
    if source.is_within(*THE_WORLD):
        return
    measures = source.top in _MEASURING
    for node in source.nodes:
        name = _world_name(node)
        if not name or (measures and (name.startswith(("time", "date")) or name in _SEEDED)):
            continue
        yield Breach(source, getattr(node, "lineno", 1), f"{name} used here; take the value, or a port, as a parameter")


_SEEDED = {"random", "random.Random"}


def _world_name(node: ast.AST) -> str:
    match node:
        case ast.Import(names=names):
            return next((name.name for name in names if name.name in _WORLD_MODULES), "")
        case ast.ImportFrom(module=str(module), names=names, level=0) if module in _WORLD_MODULES or module == "os":
            found = (f"{module}.{name.name}" for name in names)
            return next((name for name in found if module != "os" or name in _WORLD_NAMES), "")
        case ast.Attribute():
            name = dotted_name(node)
            return name if name in _WORLD_NAMES or name.split(".")[0] in _WORLD_MODULES else ""
        case _:
            return ""


def tasks_have_owners(source: Source) -> Iterator[Breach]:
    """Yield tasks started where nothing can end them."""
    if source.is_within(*MAY_START_TASKS):
        return
    for node in source.nodes:
        is_call = isinstance(node, ast.Attribute) and node.attr in _TASK_STARTERS
        is_import = isinstance(node, ast.ImportFrom) and any(name.name in _TASK_STARTERS for name in node.names)
        if is_call or is_import:
            line = getattr(node, "lineno", 1)
            yield Breach(source, line, "starts a task; return a command and let the interpreter perform it")


def test_the_world_is_a_parameter() -> None:
    assert_kept(the_world_is_a_parameter, sources("gateway", "router_models", "load_tests"))


def test_tasks_have_owners() -> None:
    assert_kept(tasks_have_owners, sources("gateway"))


def test_clocks_chance_and_environment_are_found() -> None:
    lines = [
        "import time",
        "from random import choice",
        "from os import environ",
        "a = os.environ['A']",
        "b = datetime.now(UTC)",
        "c = time.monotonic()",
        "from os import path",
        "d = path.join('time', 'random')",
        "e = record.time",
    ]
    text = "\n".join(lines)
    assert lines_found(the_world_is_a_parameter, "gateway/core/x.py", text) == [1, 2, 3, 4, 5, 6]
    assert lines_found(the_world_is_a_parameter, "gateway/adapters/clock.py", text) == []
    assert lines_found(the_world_is_a_parameter, "gateway/app/settings.py", text) == []


def test_measuring_code_may_read_clocks_but_draws_from_a_seed() -> None:
    text = "import time\nimport random\na = time.time()\nb = random.Random(7)\nc = random.choice(a)\nd = os.environ\n"
    assert lines_found(the_world_is_a_parameter, "load_tests/x.py", text) == [5, 6]


def test_a_task_without_an_owner_is_found() -> None:
    text = "from asyncio import ensure_future\nasyncio.create_task(a())\nloop.create_task(b())\ngroup.start(c())\n"
    assert lines_found(tasks_have_owners, "gateway/pipeline/relay.py", text) == [1, 2, 3]
    assert lines_found(tasks_have_owners, "gateway/pipeline/interpreter.py", text) == []
    assert lines_found(tasks_have_owners, "gateway/adapters/pool.py", text) == []
