"""Run `async def` tests on the loop that production uses, and fail those which leave something running."""

import asyncio
import functools
from collections.abc import Callable, Coroutine
from typing import Any

import uvloop

TEST_LIMIT_S = 60.0
"""A test that hangs fails here, with a traceback of where it hung; the slowest model server starts in four seconds."""

SETTLING_TURNS = 20
"""Turns of the loop which a task or transport that was just closed may take to be gone."""

AsyncTest = Callable[..., Coroutine[Any, Any, None]]


class LeakedTasks(AssertionError):
    """A test ended while tasks that it started were still alive."""


class LoopTrouble(AssertionError):
    """The event loop reported an error that nobody awaited."""


def run_async_test(test: AsyncTest, **arguments: object) -> None:
    """Run the test to its end under uvloop; raise LeakedTasks or LoopTrouble for what it left behind."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_run_and_check(test, arguments))


def as_sync_test(test: AsyncTest) -> Callable[..., None]:
    """Wrap the test for a caller that knows only plain functions, as hypothesis does."""

    @functools.wraps(test)
    def run(**arguments: object) -> None:
        run_async_test(test, **arguments)

    return run


class _NotesOnFailure:
    """Adds what the event loop reported to the error with which a test ends."""

    def __init__(self, trouble: list[str]) -> None:
        self._trouble = trouble

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is None:
            return
        for line in self._trouble:
            error.add_note(f"the event loop reported: {line}")


async def _run_and_check(test: AsyncTest, arguments: dict[str, object]) -> None:
    trouble: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: trouble.append(_describe(context)))
    with _NotesOnFailure(trouble):
        async with asyncio.timeout(TEST_LIMIT_S):
            await test(**arguments)
    leaked = await _leftover_tasks()
    if leaked:
        raise LeakedTasks("the test ended with tasks still alive:\n" + "\n".join(leaked))
    if trouble:
        raise LoopTrouble("the event loop reported:\n" + "\n".join(trouble))


async def _leftover_tasks() -> list[str]:
    for _ in range(SETTLING_TURNS):
        await asyncio.sleep(0)
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    return [repr(task) for task in tasks]


def _describe(context: dict[str, Any]) -> str:
    error = context.get("exception")
    return f"{context['message']}: {error!r}" if error is not None else str(context["message"])
