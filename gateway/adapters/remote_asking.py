"""A server that scores requests, with a limit on all that it may cost.

    ask ── down, or being looked at ─────────────> answered at once: error, overload
        ├─ as many under way as may be ──────────> overload
        └─ ask ── answered in time ──────────────> the answer
               └─ late, full, wrong, nobody there ─> timeout, overload, error; after three in a row: down

While the server is down nobody waits for it. When the pause is over, the next request sets off a look at it in the
background, and the server is asked again once that has gone well: so a server that came back with another model is
found out before it can score anything.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from gateway.adapters.redis_breaker import BreakerSettings, RedisBreaker
from gateway.adapters.remote_trouble import Misfit, Overloaded, RemoteTrouble, TooLate, Unreachable
from gateway.domain.ability import ClassifierOutcome
from gateway.ports import Clock

_BREAKER: Final = BreakerSettings(failures=3, open_s=1.0, open_s_max=30.0)

Served = TypeVar("Served")
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class RemoteLimits:
    """What the server may take: seconds for an answer, requests under way at once, and seconds for a look.

    A look goes on in the background, and the first question to a model may compile it.
    """

    deadline_s: float = 0.02
    in_flight: int = 256
    look_timeout_s: float = 2.0


class RemoteAsking(Generic[Served]):
    """Asks one server. Never raises: what went wrong is returned.

    `look` sees whether the server is up and serves what is wanted, within so many seconds, and returns what it serves;
    it raises Misfit or RemoteTrouble. `served` is what a look has found already. `where` names the server in what
    `note` is told: when it goes down, and when it comes back.
    """

    def __init__(
        self,
        where: str,
        look: Callable[[float], Awaitable[Served]],
        *,
        clock: Clock,
        chance: Callable[[], float],
        note: Callable[[str], None],
        limits: RemoteLimits | None = None,
        served: Served | None = None,
    ) -> None:
        self._where = where
        self._look_at = look
        self._clock = clock
        self._note = note
        self._limits = limits if limits is not None else RemoteLimits()
        self._breaker = RedisBreaker(_BREAKER, chance)
        self._served = served
        self._away_until_s = clock.now_s()
        self._why_not = ClassifierOutcome.ERROR
        self._looking: asyncio.Task[None] | None = None
        self._in_flight = 0

    @property
    def is_up(self) -> bool:
        """Tell whether the server is asked at present."""
        return self._served is not None

    async def ask(self, question: Callable[[Served, float], Awaitable[Answer]]) -> Answer | ClassifierOutcome:
        """Return what a question comes to, or tell why it came to nothing: timeout, overload or error.

        The question is given what the server serves and the seconds that its answer is of use; it raises RemoteTrouble.
        """
        served = self._served
        if served is None:
            self._look_when_due()
            return self._why_not
        if self._in_flight >= self._limits.in_flight:
            return ClassifierOutcome.OVERLOAD
        self._in_flight += 1
        try:
            answer = await self._in_time(question, served)
        except RemoteTrouble as trouble:
            self._failed(trouble)
            return trouble.outcome
        finally:
            self._in_flight -= 1
        self._breaker.succeed()
        return answer

    async def aclose(self) -> None:
        """Stop looking at the server."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait((self._looking,))

    async def _in_time(self, question: Callable[[Served, float], Awaitable[Answer]], served: Served) -> Answer:
        deadline_s = self._limits.deadline_s
        try:
            async with asyncio.timeout(deadline_s):
                return await question(served, deadline_s)
        except TimeoutError as error:
            raise TooLate(f"no answer within {deadline_s * 1000:.0f} ms") from error

    def _failed(self, trouble: RemoteTrouble) -> None:
        """Count a failure. Those of requests that were under way when the server was found to be down count no more."""
        if self._served is not None and (away_s := self._breaker.fail()) is not None:
            self._stay_away(away_s, trouble)

    def _stay_away(self, away_s: float, trouble: RemoteTrouble | Misfit) -> None:
        self._served = None
        self._away_until_s = self._clock.now_s() + away_s
        self._why_not = ClassifierOutcome.OVERLOAD if isinstance(trouble, Overloaded) else ClassifierOutcome.ERROR
        self._note(f"the remote scorer at {self._where} is not asked for {away_s:.1f} s: {trouble}")

    def _look_when_due(self) -> None:
        if self._looking is None and self._clock.now_s() >= self._away_until_s:
            self._looking = asyncio.create_task(self._look())

    async def _look(self) -> None:
        """Look at the server and take it up again, or stay away longer.

        One good look does not shorten the pauses: only an answer in time does, so a server that can be looked at and
        is always late is tried ever more rarely.
        """
        timeout_s = self._limits.look_timeout_s
        try:
            async with asyncio.timeout(timeout_s):
                self._served = await self._look_at(timeout_s)
        except TimeoutError:
            self._still_away(Unreachable(f"no answer within {timeout_s:g} s"))
        except (RemoteTrouble, Misfit) as trouble:
            self._still_away(trouble)
        else:
            self._note(f"the remote scorer at {self._where} is asked again")
        finally:
            self._looking = None

    def _still_away(self, trouble: RemoteTrouble | Misfit) -> None:
        away_s = self._breaker.fail()
        self._stay_away(_BREAKER.open_s if away_s is None else away_s, trouble)
