"""What every test gets: `async def` tests run as they are, and real model servers for those that ask."""

import gc
import importlib.util
import inspect
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from gateway.app.demo_models import ModelServer
from tests.support.async_runner import as_sync_test, run_async_test
from tests.support.model_servers import running_servers


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


def pytest_collection_finish() -> None:
    """Let the collector look only at what tests make: modules stay, and to look at them all takes half a second.

    Tests that count what is left over look hundreds of times.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def model_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, ModelServer]]:
    """The servers "nano" and "small", started once. Mark tests that use them `servers`."""
    if importlib.util.find_spec("xllamacpp") is None:
        pytest.skip("xllamacpp is not installed, so no real model server can run")
    with running_servers(("nano", "small"), tmp_path_factory.mktemp("models")) as servers:
        yield servers


@pytest.fixture(scope="session")
def nano_server(model_servers: Mapping[str, ModelServer]) -> ModelServer:
    """The cheap tier's server."""
    return model_servers["nano"]


@pytest.fixture(scope="session")
def small_server(model_servers: Mapping[str, ModelServer]) -> ModelServer:
    """The dearer tier's server, forty times as large."""
    return model_servers["small"]
