"""Our own want of something is told from a server's failure, however deep it lies."""

import errno

import httpx
import pytest

from gateway.adapters.upstream_shortage import is_own_shortage
from gateway.ports import OwnShortage
from tests.support.networks import SOCKET_TRANSPORTS, network
from tests.support.scarcity import no_more_files


def raised_from(cause: Exception) -> Exception:
    try:
        try:
            raise cause
        except type(cause) as error:
            raise httpx.ConnectError("no connection") from error
    except httpx.ConnectError as error:
        return error


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.EADDRNOTAVAIL])
def test_want_of_files_buffers_and_ports_is_ours(number: int) -> None:
    assert is_own_shortage(OSError(number, "x"))
    assert is_own_shortage(raised_from(OSError(number, "x")))


@pytest.mark.parametrize("error", [ConnectionRefusedError(errno.ECONNREFUSED, "x"), ValueError("x"), OSError("x")])
def test_anything_else_is_not(error: Exception) -> None:
    assert not is_own_shortage(error)
    assert not is_own_shortage(raised_from(error))


@pytest.mark.parametrize("kind", SOCKET_TRANSPORTS)
async def test_no_file_for_a_connection_is_told_as_our_own_shortage(kind: str) -> None:
    async with network(kind) as net:
        await net.fetch()
        net.make_unreachable()
        with pytest.raises(httpx.ConnectError) as refused:
            await net.ask()
        assert not isinstance(refused.value, OwnShortage)
        with no_more_files(), pytest.raises(OwnShortage) as raised:
            await net.ask()
        assert raised.value.request is not None
