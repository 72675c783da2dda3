"""Sockets to listen on, a place for those between workers, and plain words for what stands in the way."""

import errno
import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from gateway.app.settings import CannotStart

log = logging.getLogger("tiergate")

BACKLOG = 2_048
"""Connections that the kernel keeps waiting while a worker is busy; the kernel's own limit holds too."""

UNSENT_BYTES = 64 * 1024
"""Of an answer that its client does not read, as much waits in the kernel, which would take megabytes and so let a
model server run far ahead of a reader that has stopped. What is on its way is no part of it: nobody is slowed down."""


def bind(host: str, port: int, *, shared: bool = False, option: str = "--port") -> socket.socket:
    """Bind without listening. With `shared`, several sockets may hold the port and the kernel deals connections out.

    `option` is what chose the port. Raises CannotStart, also for a port that is taken by somebody who would have shared
    it.
    """
    if shared and port:
        bind(host, port).close()
    return _bound(host, port, shared=shared, option=option)


def bind_shared(host: str, port: int) -> socket.socket:
    """Bind one more socket to a port that this gateway holds already."""
    return _bound(host, port, shared=True, option="--port")


@contextmanager
def meeting_place(parent: Path | None = None) -> Iterator[Path | None]:
    """Make a folder in which the workers of this gateway, and nobody else, can listen; None where none can be had.

    It is made in the system's own place for such, or in `parent`.
    """
    try:
        folder = TemporaryDirectory(prefix="tiergate-", dir=parent, ignore_cleanup_errors=True)
    except OSError as error:
        log.warning("workers cannot ask each other for receipts and metrics: no folder for it (%s)", error)
        yield None
        return
    with folder as path:
        yield Path(path)


def port_of(bound: socket.socket) -> int:
    """Return the port; useful where 0 was asked for."""
    port = bound.getsockname()[1]
    assert isinstance(port, int)
    return port


def _bound(host: str, port: int, *, shared: bool, option: str) -> socket.socket:
    family, address = _address(host, port)
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "TCP_NOTSENT_LOWAT"):
            # Every connection that is accepted inherits it.
            bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)
        if shared:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound.bind(address)
    except OSError as error:
        bound.close()
        raise CannotStart(_explain(error, host, port, option)) from error
    return bound


def _address(host: str, port: int) -> tuple[int, tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise CannotStart(
            f"The host {host!r} is not known here ({error}). Give an address, such as 0.0.0.0."
        ) from error
    # Of a name with both kinds of address, IPv4: most clients on the same machine try nothing else.
    family, _, _, _, address = min(found, key=lambda entry: entry[0] != socket.AF_INET)
    return family, address


def _explain(error: OSError, host: str, port: int, option: str) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return f"Port {port} of {host} is in use. Stop what listens there, or choose another with {option}."
        case errno.EADDRNOTAVAIL:
            return f"This machine has no address {host}. Use one that it has, or 0.0.0.0 for all."
        case errno.EACCES:
            return f"Port {port} needs privileges that this process lacks. Choose one above 1023 with {option}."
        case _:
            return f"Listening on {host}:{port} failed: {error}."
