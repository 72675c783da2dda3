"""The runner of asynchronous tests finds what a test leaves behind."""

import asyncio

import pytest
import uvloop
from hypothesis import given
from hypothesis import strategies as st

from tests.support.async_runner import LeakedTasks, LoopTrouble, run_async_test
from tests.support.waiting import eventually


async def test_async_tests_run_on_the_loop_of_production() -> None:
    assert isinstance(asyncio.get_running_loop(), uvloop.Loop)


@given(st.integers())
async def test_async_tests_may_be_property_tests(number: int) -> None:
    await asyncio.sleep(0)
    assert number - number == 0


@pytest.mark.parametrize("name", ["first", "second"])
async def test_async_tests_take_parameters_and_fixtures(name: str, request: pytest.FixtureRequest) -> None:
    assert name in request.node.name


def test_a_task_left_behind_fails_the_test() -> None:
    kept: list[asyncio.Task[None]] = []

    async def leaves_a_task() -> None:
        kept.append(asyncio.create_task(asyncio.sleep(3600)))

    with pytest.raises(LeakedTasks, match="still alive"):
        run_async_test(leaves_a_task)


def test_an_error_in_a_callback_fails_the_test() -> None:
    def explode() -> None:
        raise ValueError("lost")

    async def schedules_an_error() -> None:
        asyncio.get_running_loop().call_soon(explode)

    with pytest.raises(LoopTrouble, match="lost"):
        run_async_test(schedules_an_error)


async def test_eventually_returns_once_the_condition_holds() -> None:
    seen = asyncio.Event()
    asyncio.get_running_loop().call_later(0.005, seen.set)
    await eventually(seen.is_set)


async def test_eventually_names_the_condition_that_stayed_false() -> None:
    with pytest.raises(AssertionError, match="test_async_runner"):
        await eventually(lambda: False, within_s=0.01)
