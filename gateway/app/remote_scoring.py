"""The remote scorer, from what the policy says of it: looked at before the gateway serves, if it can be reached."""

import asyncio
import importlib
import logging
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from gateway.adapters.oip_encoder import RemoteEncoder
from gateway.adapters.oip_http import HttpInference
from gateway.adapters.oip_model import InferenceServer, ServedModel, look
from gateway.adapters.remote_asking import RemoteAsking, RemoteLimits
from gateway.adapters.remote_trouble import Misfit, RemoteTrouble
from gateway.adapters.scorer_remote import RemoteScorer
from gateway.adapters.scorer_systemone import SystemOneScorer
from gateway.adapters.systemone_http import SystemOneServer
from gateway.adapters.upstream_lean import LeanTransport
from gateway.app.settings import CannotStart
from gateway.core.difficulty_curve import curve_of
from gateway.core.wordpiece import WordPieces
from gateway.domain.calibration import Catalogue
from gateway.domain.classifier import ClassifierTerms
from gateway.domain.remote_model import RemoteModel, SystemOneModel
from gateway.ports import Clock, UpstreamTransport

log = logging.getLogger("tiergate")

FIRST_LOOK_S: Final = 3.0
"""How long the start may be held up by a server that does not answer."""

Served = TypeVar("Served")
Connect = Callable[[RemoteModel, UpstreamTransport, bool], InferenceServer]
"""The flag says whether calls may block, as they may before the event loop runs."""


class NotReached(Exception):
    """A server cannot be asked at present. The message says why."""


@dataclass(frozen=True, slots=True)
class SystemOne:
    """A System One server, asked by the chains of every difficulty model."""

    decider: SystemOneModel
    server: SystemOneServer
    asking: RemoteAsking[bool]

    def stage(self, catalogue: Catalogue) -> SystemOneScorer:
        """Return the stage in the chain of a difficulty model."""
        curve = curve_of(tuple(catalogue.references.values()), catalogue.requests)
        return SystemOneScorer(self.server, self.asking, self.decider, curve)


def make_remote(
    terms: ClassifierTerms,
    pieces: WordPieces,
    *,
    width: int,
    transport: UpstreamTransport,
    clock: Clock,
    chance: Callable[[], float],
) -> RemoteScorer | None:
    """Build the stage if the policy has one; `width` is K. Holds the caller up for `FIRST_LOOK_S` at most.

    A server that cannot be reached is looked at again later. Raises CannotStart for one that serves another model than
    ours, and for gRPC without its package.
    """
    remote = terms.remote
    if remote is None:
        return None
    served = _first_look(remote.base_url, look_at_remote(remote, width))
    encoder = RemoteEncoder(
        _connector(remote)(remote, transport, False),
        remote,
        width=width,
        clock=clock,
        chance=chance,
        note=log.warning,
        limits=RemoteLimits(terms.deadline_s, terms.queue),
        served=served,
    )
    return RemoteScorer(encoder, pieces, tokens=terms.tokens, name=f"remote-{remote.model}")


def make_systemone(
    terms: ClassifierTerms, *, transport: UpstreamTransport, clock: Clock, chance: Callable[[], float]
) -> SystemOne | None:
    """Build what asks the policy's System One server, if it has one. Holds the caller up for `FIRST_LOOK_S` at most.

    A server that cannot be reached is looked at again later. Raises CannotStart for one that does not answer such
    questions.
    """
    decider = terms.systemone
    if decider is None:
        return None
    served = _first_look(decider.base_url, look_at_systemone(decider))
    server = SystemOneServer(decider, transport)
    limits = RemoteLimits(terms.deadline_s, terms.queue)
    asking = RemoteAsking(
        decider.base_url, server.look, clock=clock, chance=chance, note=log.warning, limits=limits, served=served
    )
    return SystemOne(decider, server, asking)


async def look_at_remote(remote: RemoteModel, width: int) -> ServedModel:
    """Return what a server serves under the model's name. Raises CannotStart and NotReached."""
    transport = LeanTransport()
    server = _connector(remote)(remote, transport, True)
    try:
        return await _in_time(look(server, remote, width, FIRST_LOOK_S))
    finally:
        await server.aclose()
        await transport.aclose()


async def look_at_systemone(decider: SystemOneModel) -> bool:
    """See that a System One server answers; return True. Raises CannotStart and NotReached."""
    transport = LeanTransport()
    try:
        return await _in_time(SystemOneServer(decider, transport).look(FIRST_LOOK_S))
    finally:
        await transport.aclose()


async def _in_time(look_at_it: Awaitable[Served]) -> Served:
    try:
        async with asyncio.timeout(FIRST_LOOK_S):
            return await look_at_it
    except Misfit as misfit:
        raise CannotStart(str(misfit)) from misfit
    except (RemoteTrouble, TimeoutError) as trouble:
        raise NotReached(str(trouble) or f"no answer within {FIRST_LOOK_S:.0f} s") from trouble


def _first_look(where: str, look_at_it: Coroutine[Any, Any, Served]) -> Served | None:
    """Return what a server serves; None where that cannot be told yet. Raises CannotStart."""
    with ThreadPoolExecutor(1) as thread:
        try:
            # An event loop of its own: whoever builds the gateway may have one running.
            return thread.submit(asyncio.run, look_at_it).result()
        except NotReached as trouble:
            log.warning("the remote scorer at %s cannot be asked yet, and is tried again: %s", where, trouble)
            return None


def _connector(remote: RemoteModel) -> Connect:
    if remote.protocol == "http":
        return lambda remote, transport, blocking: HttpInference(remote, transport)
    try:
        # By name, since the package is optional.
        module = importlib.import_module("gateway.adapters.oip_grpc")
    except ImportError as error:
        raise CannotStart(
            f"The policy asks for a remote scorer over gRPC, and {error.name} is not installed. "
            "Run: pip install 'tiergate[remote]'; or write `classifier: {remote: {protocol: http}}`."
        ) from error
    return lambda remote, transport, blocking: module.GrpcInference(remote, blocking=blocking)
