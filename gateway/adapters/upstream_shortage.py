"""Whether a connection failed for want of something here rather than at the server's end."""

import errno
from typing import Final

_OURS: Final = frozenset(
    {
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOBUFS,
        errno.ENOMEM,
        errno.EAGAIN,
        errno.EADDRNOTAVAIL,
    }
)
"""Files of the process and of the machine, buffers, memory, threads, ports to connect from."""


def is_own_shortage(error: BaseException) -> bool:
    """Look for such an error in what it was raised from."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno in _OURS:
            return True
        cause = cause.__cause__ or cause.__context__
    return False
