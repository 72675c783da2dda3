"""Where a name leads: looked up once for all who ask, and remembered for when nobody can say.

    addresses() ── just looked up ──────────────> these
                └─ else look up, together with whoever else asks
                     ├─ an answer ──────────────> that
                     ├─ none, or not yet ───────> the last good ones, for a minute
                     └─ and none known ─────────> OSError

A look-up that hangs holds a thread for half a minute, whoever stopped waiting for it. So each name has at most one, in
a thread of its own: the event loop's few threads are left to others. Nothing of this concerns a kept connection.
"""

import asyncio
import errno
import os
import socket
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from threading import Thread
from typing import Any, Final

FRESH_S: Final = 5.0
"""How long an answer is used without asking again: the time to live that CoreDNS gives by default."""
LAST_GOOD_S: Final = 60.0
"""How long the last answer stands in for one that does not come."""
PATIENCE_S: Final = 0.1
"""How long a look-up is waited for where the last answer could do."""
AT_ONCE_MAX: Final = 64
"""Names that are looked up at the same time; each has a thread."""

Addresses = tuple[str, ...]
LookUp = Callable[[str], Awaitable[Addresses]]
GetAddrInfo = Callable[..., Sequence[tuple[Any, ...]]]


@dataclass(frozen=True, slots=True)
class _Known:
    addresses: Addresses
    at_s: float


@dataclass(frozen=True, slots=True)
class _Asked:
    answer: "asyncio.Task[Addresses | OSError]"
    at_s: float


class Resolver:
    """Remembers what names lead to. Use it from one event loop. `look_up` raises OSError."""

    def __init__(
        self,
        look_up: LookUp | None = None,
        *,
        now_s: Callable[[], float] = time.monotonic,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._look_up = look_up or look_up_in_thread
        self._now_s = now_s
        self._patience_s = patience_s
        self._known: dict[str, _Known] = {}
        self._asked: dict[str, _Asked] = {}

    async def addresses(self, host: str) -> Addresses:
        """Return at least one address, the best first. Raises OSError; a look-up has no limit of its own here."""
        if is_address(host):
            return (host,)
        known, now_s = self._known.get(host), self._now_s()
        if known is not None and now_s - known.at_s < FRESH_S:
            return known.addresses
        asked = self._asked.get(host) or self._ask(host, now_s)
        can_do_without = known is not None and now_s - known.at_s <= LAST_GOOD_S
        patience_s = max(0.0, asked.at_s + self._patience_s - now_s) if can_do_without else None
        await asyncio.wait((asked.answer,), timeout=patience_s)
        found = asked.answer.result() if asked.answer.done() else None
        if isinstance(found, tuple):
            return found
        if known is not None and can_do_without:
            return known.addresses
        assert found is not None, "waited for without a limit"
        raise found

    async def aclose(self) -> None:
        """Wait for no look-up any more."""
        answers = [asked.answer for asked in self._asked.values()]
        for answer in answers:
            answer.cancel()
        if answers:
            await asyncio.wait(answers)

    def _ask(self, host: str, now_s: float) -> _Asked:
        asked = self._asked[host] = _Asked(asyncio.create_task(self._answer(host)), now_s)
        asked.answer.add_done_callback(lambda _: self._asked.pop(host))
        return asked

    async def _answer(self, host: str) -> Addresses | OSError:
        # An error is an answer: everybody who waits is told, and it may be that nobody does.
        if len(self._asked) > AT_ONCE_MAX:
            return OSError(errno.EAGAIN, f"{AT_ONCE_MAX} other names are being looked up")
        try:
            found = await self._look_up(host)
        except OSError as error:
            return error
        if not found:
            return OSError("its name leads nowhere")
        self._known[host] = _Known(found, self._now_s())
        return found


def is_address(host: str) -> bool:
    """Tell whether a host is an address already."""
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, host.partition("%")[0])
        except OSError:
            continue
        return True
    return False


async def look_up_in_thread(host: str, getaddrinfo: GetAddrInfo = socket.getaddrinfo) -> Addresses:
    """Ask the system, in a thread that nobody waits for at the end of the process. Raises OSError."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[Addresses | OSError] = loop.create_future()

    def tell(found: Addresses | OSError) -> None:
        if not answer.done():
            answer.set_result(found)

    def ask() -> None:
        found = _ask_system(host, getaddrinfo)
        # By the time a name server answers, the event loop may be gone, and with it whoever asked.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(tell, found)

    try:
        Thread(target=ask, name=f"tiergate-name-{host}", daemon=True).start()
    except RuntimeError as error:
        raise OSError(errno.EAGAIN, f"no thread to look its name up: {error}") from error
    found = await answer
    if isinstance(found, OSError):
        raise found
    return found


def _ask_system(host: str, getaddrinfo: GetAddrInfo) -> Addresses | OSError:
    try:
        found = getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        return _lack_of_files() or error
    except OSError as error:
        return error
    except UnicodeError as error:
        return OSError(f"it is no name: {error}")
    return tuple(dict.fromkeys(str(address[0]) for *_, address in found))


def _lack_of_files() -> OSError | None:
    """Say whether a file can be opened: for want of one the resolver only says that a name is not known for now."""
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError as error:
        return error
    return None
