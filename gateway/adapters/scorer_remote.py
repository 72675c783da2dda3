"""The difficulty model's last stage on another server, with a limit on all that may cost.

    refine ── down, or being looked at ───────────────> the former stage's latent, outcome of what went wrong
           ├─ as many under way as may be ────────────> the same, overload
           └─ ask ── latent in time ──────────────────> its latent, remote
                  └─ late, full, wrong, nobody there ─> the former stage's latent; after three in a row: down

While the server is down nobody waits for it. When the pause is over, the next request sets off a look at it in the
background (health, description of the model, one question), and the server is asked again once that has gone well: so
a server that came back with another model is found out before it can score anything.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from gateway.adapters.oip_model import (
    BadAnswer,
    InferenceServer,
    Misfit,
    Overloaded,
    RemoteTrouble,
    TooLate,
    Unreachable,
    look,
    padded,
)
from gateway.adapters.redis_breaker import BreakerSettings, RedisBreaker
from gateway.domain.ability import ClassifierOutcome, Score
from gateway.domain.remote_model import RemoteModel
from gateway.domain.request import CanonicalRequest
from gateway.ports import Clock

Tokenise = Callable[[CanonicalRequest], Sequence[int]]
"""The token ids of what is scored of a request, ends included, cut to the length allowed."""
FamiliarityOf = Callable[[CanonicalRequest, Score], float]
"""How much the encoder is to be believed about a request, given what the former stage said."""

LOOK_TIMEOUT_S: Final = 2.0
"""A look goes on in the background, and the first question to a model may compile it."""
_BREAKER: Final = BreakerSettings(failures=3, open_s=1.0, open_s_max=30.0)


@dataclass(frozen=True, slots=True)
class RemoteLimits:
    """What the stage may take: seconds for an answer, and requests under way at once."""

    deadline_s: float = 0.02
    in_flight: int = 256


class RemoteScorer:
    """Refines a score by asking a server. Never raises: what goes wrong is the outcome of the score.

    `note` is told when the server goes down and comes back. `is_fit` says that it has been looked at already.
    """

    def __init__(
        self,
        server: InferenceServer,
        remote: RemoteModel,
        *,
        width: int,
        tokenise: Tokenise,
        familiarity_of: FamiliarityOf,
        clock: Clock,
        chance: Callable[[], float],
        note: Callable[[str], None],
        limits: RemoteLimits | None = None,
        is_fit: bool = False,
    ) -> None:
        self._server = server
        self._remote = remote
        self._width = width
        self._tokenise = tokenise
        self._familiarity_of = familiarity_of
        self._clock = clock
        self._note = note
        self._limits = limits if limits is not None else RemoteLimits()
        self._breaker = RedisBreaker(_BREAKER, chance)
        self._name = f"remote-{remote.model}"
        self._is_fit = is_fit
        self._away_until_s = clock.now_s()
        self._why_not = ClassifierOutcome.ERROR
        self._looking: asyncio.Task[None] | None = None
        self._in_flight = 0

    @property
    def is_up(self) -> bool:
        """Tell whether the server is asked at present."""
        return self._is_fit

    async def refine(self, request: CanonicalRequest, former: Score) -> Score:
        """Return the server's score of a request, or the former one with the outcome that says why."""
        if not self._is_fit:
            self._look_when_due()
            return replace(former, outcome=self._why_not)
        if self._in_flight >= self._limits.in_flight:
            return replace(former, outcome=ClassifierOutcome.OVERLOAD)
        self._in_flight += 1
        try:
            latent = await self._ask(self._tokenise(request))
        except RemoteTrouble as trouble:
            self._failed(trouble)
            return replace(former, outcome=trouble.outcome)
        finally:
            self._in_flight -= 1
        self._breaker.succeed()
        known = self._familiarity_of(request, former)
        return replace(
            former, latent=latent, familiarity=known, scorer=self._name, outcome=ClassifierOutcome.REMOTE, spread=()
        )

    async def aclose(self) -> None:
        """Stop looking at the server, and let go of it."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait((self._looking,))
        await self._server.aclose()

    async def _ask(self, ids: Sequence[int]) -> tuple[float, ...]:
        padded_ids, mask = padded(ids)
        deadline_s = self._limits.deadline_s
        try:
            async with asyncio.timeout(deadline_s):
                latent = await self._server.infer(padded_ids, mask, deadline_s)
        except TimeoutError as error:
            raise TooLate(f"no answer within {deadline_s * 1000:.0f} ms") from error
        if len(latent) != self._width:
            raise BadAnswer(f"it answered with {len(latent)} numbers where {self._width} belong")
        return latent

    def _failed(self, trouble: RemoteTrouble) -> None:
        """Count a failure. Those of requests that were under way when the server was found to be down count no more."""
        if self._is_fit and (away_s := self._breaker.fail()) is not None:
            self._stay_away(away_s, trouble)

    def _stay_away(self, away_s: float, trouble: RemoteTrouble | Misfit) -> None:
        self._is_fit = False
        self._away_until_s = self._clock.now_s() + away_s
        self._why_not = ClassifierOutcome.OVERLOAD if isinstance(trouble, Overloaded) else ClassifierOutcome.ERROR
        self._note(f"the remote scorer at {self._remote.base_url} is not asked for {away_s:.1f} s: {trouble}")

    def _look_when_due(self) -> None:
        if self._looking is None and self._clock.now_s() >= self._away_until_s:
            self._looking = asyncio.create_task(self._look())

    async def _look(self) -> None:
        """Look at the server and take it up again, or stay away longer.

        One good look does not shorten the pauses: only an answer in time does, so a server that can be looked at and
        is always late is tried ever more rarely.
        """
        try:
            async with asyncio.timeout(LOOK_TIMEOUT_S):
                await look(self._server, self._remote, self._width, LOOK_TIMEOUT_S)
        except TimeoutError:
            self._still_away(Unreachable(f"no answer within {LOOK_TIMEOUT_S:.0f} s"))
        except (RemoteTrouble, Misfit) as trouble:
            self._still_away(trouble)
        else:
            self._is_fit = True
            self._note(f"the remote scorer at {self._remote.base_url} is asked again")
        finally:
            self._looking = None

    def _still_away(self, trouble: RemoteTrouble | Misfit) -> None:
        away_s = self._breaker.fail()
        self._stay_away(_BREAKER.open_s if away_s is None else away_s, trouble)
