"""The remote scorer, from what the policy says of it: looked at before the gateway serves, if it can be reached."""

import asyncio
import importlib
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from gateway.adapters.oip_encoder import RemoteEncoder, RemoteLimits
from gateway.adapters.oip_http import HttpInference
from gateway.adapters.oip_model import InferenceServer, Misfit, RemoteTrouble, ServedModel, look
from gateway.adapters.scorer_remote import RemoteScorer
from gateway.adapters.upstream_lean import LeanTransport
from gateway.app.settings import CannotStart
from gateway.core.wordpiece import WordPieces
from gateway.domain.classifier import ClassifierTerms
from gateway.domain.remote_model import RemoteModel
from gateway.ports import Clock, UpstreamTransport

log = logging.getLogger("tiergate")

FIRST_LOOK_S: Final = 3.0
"""How long the start may be held up by a server that does not answer."""

Connect = Callable[[RemoteModel, UpstreamTransport, bool], InferenceServer]
"""The flag says whether calls may block, as they may before the event loop runs."""


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
    connect = _connector(remote)
    with ThreadPoolExecutor(1) as thread:
        # An event loop of its own: whoever builds the gateway may have one running.
        served = thread.submit(asyncio.run, _first_look(remote, connect, width)).result()
    encoder = RemoteEncoder(
        connect(remote, transport, False),
        remote,
        width=width,
        clock=clock,
        chance=chance,
        note=log.warning,
        limits=RemoteLimits(terms.deadline_s, terms.queue),
        served=served,
    )
    return RemoteScorer(encoder, pieces, tokens=terms.tokens, name=f"remote-{remote.model}")


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


async def _first_look(remote: RemoteModel, connect: Connect, width: int) -> ServedModel | None:
    """Return what the server serves; None where that cannot be told yet. Raises CannotStart."""
    transport = LeanTransport()
    server = connect(remote, transport, True)
    try:
        async with asyncio.timeout(FIRST_LOOK_S):
            return await look(server, remote, width, FIRST_LOOK_S)
    except Misfit as misfit:
        raise CannotStart(str(misfit)) from misfit
    except (RemoteTrouble, TimeoutError) as trouble:
        said = str(trouble) or f"no answer within {FIRST_LOOK_S:.0f} s"
        log.warning("the remote scorer at %s cannot be asked yet, and is tried again: %s", remote.base_url, said)
        return None
    finally:
        await server.aclose()
        await transport.aclose()
