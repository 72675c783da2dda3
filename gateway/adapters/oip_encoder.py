"""The encoder on another server, with a limit on all that it may cost.

    encode ── down, or being looked at ─────────────> answered at once: error, overload
           ├─ as many under way as may be ──────────> overload
           └─ ask ── answered in time ──────────────> encoded
                  └─ late, full, wrong, nobody there ─> timeout, overload, error; after three in a row: down

While the server is down nobody waits for it. When the pause is over, the next request sets off a look at it in the
background (health, description of the model, one question), and the server is asked again once that has gone well: so
a server that came back with another model is found out before it can score anything.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from gateway.adapters.encoder_model import Encoded, in_bytes
from gateway.adapters.oip_model import (
    EMBEDDING,
    EMBEDDING_WIDTH,
    FAMILIARITY,
    LATENT,
    VECTOR,
    BadAnswer,
    InferenceServer,
    Misfit,
    Overloaded,
    RemoteTrouble,
    Rows,
    ServedModel,
    TooLate,
    Unreachable,
    look,
    padded,
)
from gateway.adapters.redis_breaker import BreakerSettings, RedisBreaker
from gateway.domain.ability import ClassifierOutcome
from gateway.domain.remote_model import RemoteModel
from gateway.ports import Clock

_BREAKER: Final = BreakerSettings(failures=3, open_s=1.0, open_s_max=30.0)


@dataclass(frozen=True, slots=True)
class RemoteLimits:
    """What the encoder may take: seconds for an answer, requests under way at once, and seconds for a look.

    A look goes on in the background, and the first question to a model may compile it.
    """

    deadline_s: float = 0.02
    in_flight: int = 256
    look_timeout_s: float = 2.0


class RemoteEncoder:
    """Encodes texts by asking a server, as `EncoderBatches` does by itself. Never raises: what went wrong is returned.

    The server sees one text a request, and puts together those that come at the same time. `note` is told when the
    server goes down and comes back. `served` is what a look at it has found already.
    """

    def __init__(
        self,
        server: InferenceServer,
        remote: RemoteModel,
        *,
        width: int,
        clock: Clock,
        chance: Callable[[], float],
        note: Callable[[str], None],
        limits: RemoteLimits | None = None,
        served: ServedModel | None = None,
    ) -> None:
        self._server = server
        self._remote = remote
        self._width = width
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

    async def encode(self, row: Sequence[int]) -> Encoded | ClassifierOutcome:
        """Encode one text, given as ids with the enclosing ones, or tell why not: timeout, overload or error."""
        served = self._served
        if served is None:
            self._look_when_due()
            return self._why_not
        if self._in_flight >= self._limits.in_flight:
            return ClassifierOutcome.OVERLOAD
        self._in_flight += 1
        try:
            encoded = await self._ask(row, served)
        except RemoteTrouble as trouble:
            self._failed(trouble)
            return trouble.outcome
        finally:
            self._in_flight -= 1
        self._breaker.succeed()
        return encoded

    async def aclose(self) -> None:
        """Stop looking at the server, and let go of it."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait((self._looking,))
        await self._server.aclose()

    async def _ask(self, row: Sequence[int], served: ServedModel) -> Encoded:
        ids, mask = padded(row)
        deadline_s = self._limits.deadline_s
        try:
            async with asyncio.timeout(deadline_s):
                rows = await self._server.infer(ids, mask, served, deadline_s)
        except TimeoutError as error:
            raise TooLate(f"no answer within {deadline_s * 1000:.0f} ms") from error
        return _encoded(rows, self._width)

    def _failed(self, trouble: RemoteTrouble) -> None:
        """Count a failure. Those of requests that were under way when the server was found to be down count no more."""
        if self._served is not None and (away_s := self._breaker.fail()) is not None:
            self._stay_away(away_s, trouble)

    def _stay_away(self, away_s: float, trouble: RemoteTrouble | Misfit) -> None:
        self._served = None
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
        timeout_s = self._limits.look_timeout_s
        try:
            async with asyncio.timeout(timeout_s):
                self._served = await look(self._server, self._remote, self._width, timeout_s)
        except TimeoutError:
            self._still_away(Unreachable(f"no answer within {timeout_s:g} s"))
        except (RemoteTrouble, Misfit) as trouble:
            self._still_away(trouble)
        else:
            self._note(f"the remote scorer at {self._remote.base_url} is asked again")
        finally:
            self._looking = None

    def _still_away(self, trouble: RemoteTrouble | Misfit) -> None:
        away_s = self._breaker.fail()
        self._stay_away(_BREAKER.open_s if away_s is None else away_s, trouble)


def _encoded(rows: Rows, width: int) -> Encoded:
    """Return what the server says of a text in the words of the encoder. Raises BadAnswer."""
    latent, embedding = rows[LATENT], rows[EMBEDDING]
    if (latent.size, embedding.size) != (width, EMBEDDING_WIDTH):
        raise BadAnswer(
            f"it answered with {latent.size} and {embedding.size} numbers, not {width} and {EMBEDDING_WIDTH}"
        )
    known, vector = rows.get(FAMILIARITY), rows.get(VECTOR)
    familiarity = None if known is None or known.size != 1 else float(known[0])
    place = b"" if vector is None else in_bytes(vector).tobytes()
    return Encoded(tuple(latent.tolist()), in_bytes(embedding).tobytes(), familiarity, place)
