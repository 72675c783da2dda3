"""What every test gets: `async def` tests run as they are."""

import inspect
from typing import Any

import pytest

from tests.support.async_runner import as_sync_test, run_async_test


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run coroutine tests on a loop of their own, one a test; leave the others to pytest."""
    test: Any = pyfuncitem.obj
    if inspect.iscoroutinefunction(test):
        names = pyfuncitem._fixtureinfo.argnames
        run_async_test(test, **{name: pyfuncitem.funcargs[name] for name in names})
        return True
    inner = getattr(getattr(test, "hypothesis", None), "inner_test", None)
    if inspect.iscoroutinefunction(inner):
        test.hypothesis.inner_test = as_sync_test(inner)
    return None
