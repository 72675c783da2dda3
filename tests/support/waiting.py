"""Wait for a condition instead of sleeping for a guess."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

POLL_S = 0.002


async def eventually(condition: Callable[[], object], within_s: float = 5.0) -> None:
    """Return as soon as the condition is true; raise AssertionError, naming it, when it stays false for `within_s`."""
    deadline_s = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline_s:
            raise AssertionError(f"not true within {within_s} s: {_name(condition)}")
        await asyncio.sleep(POLL_S)


async def answered(ask: Callable[[], Awaitable[T]], is_right: Callable[[T], object], within_s: float = 10.0) -> T:
    """Ask until the answer is right, and return it; raise AssertionError with the last one after `within_s`."""
    deadline_s = time.monotonic() + within_s
    while not is_right(answer := await ask()):
        if time.monotonic() > deadline_s:
            raise AssertionError(f"not the awaited answer within {within_s} s: {answer!r}")
        await asyncio.sleep(POLL_S)
    return answer


async def settled(value: Callable[[], object], still_for_s: float = 0.05, within_s: float = 10.0) -> None:
    """Return once the value has stopped changing; raise AssertionError when it keeps changing for `within_s`."""
    deadline_s = time.monotonic() + within_s
    before, now = object(), value()
    while before != now:
        if time.monotonic() > deadline_s:
            raise AssertionError(f"still changing after {within_s} s: {_name(value)}")
        await asyncio.sleep(still_for_s)
        before, now = now, value()


def _name(condition: Callable[[], object]) -> str:
    code = getattr(condition, "__code__", None)
    return f"{code.co_filename}:{code.co_firstlineno}" if code is not None else repr(condition)
