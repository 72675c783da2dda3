"""The routes that are not asked thousands of times a second: models, receipts, feedback, health, metrics, the policy.

What they answer is described in `openapi.json`.
"""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from gateway.app.artefact_in_force import ArtefactInForce
from gateway.app.asgi import AsgiInbound
from gateway.app.local_only import only_from_here
from gateway.app.policy_in_force import PolicyInForce
from gateway.app.receipt_document import tell_receipt
from gateway.domain.errors import ErrorCode, GatewayError
from gateway.domain.feedback import FeedbackOutcome
from gateway.domain.ids import ModelAlias, RequestId
from gateway.pipeline.admit import identify
from gateway.pipeline.canonicalise import find_target
from gateway.pipeline.learn import Opinions
from gateway.pipeline.world import World
from gateway.ports import StoreUnavailable
from gateway.wire.feedback_json import FEEDBACK_BYTES_MAX, read_feedback, write_feedback
from gateway.wire.headers import check_content_headers
from gateway.wire.models_list import models_list, one_model

_JSON = "application/json"
_PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"
OPENAPI = Path(__file__).with_name("openapi.json")
"""What is served, for tools; a test compares it with the routes, the error table and the receipts."""


def cold_routes(
    world: World,
    policy: PolicyInForce,
    metrics: Callable[[], Awaitable[str]],
    opinions: Opinions,
    artefact: ArtefactInForce | None = None,
) -> Sequence[BaseRoute]:
    """Build them. Each answers from memory, but for receipts and feedback, which may lie in Redis."""
    cold = _Cold(world, policy, metrics, opinions, artefact)
    return [
        Route("/v1/models", cold.models, methods=["GET"]),
        # Names of models have slashes in them: `mistralai/Mistral-7B`.
        Route("/v1/models/{model:path}", cold.model, methods=["GET"]),
        Route("/v1/receipts/{request_id}", cold.receipt, methods=["GET"]),
        Route("/v1/feedback", cold.feedback, methods=["POST"]),
        Route("/health/live", cold.live, methods=["GET"]),
        Route("/health/ready", cold.ready, methods=["GET"]),
        Route("/metrics", cold.metrics, methods=["GET"]),
        Route("/admin/policy", cold.policy, methods=["GET"]),
        Route("/openapi.json", cold.openapi, methods=["GET"]),
    ]


class _Cold:
    def __init__(
        self,
        world: World,
        policy: PolicyInForce,
        metrics: Callable[[], Awaitable[str]],
        opinions: Opinions,
        artefact: ArtefactInForce | None,
    ) -> None:
        self._world = world
        self._artefact = artefact
        self._opinions = opinions
        self._policy = policy
        self._metrics = metrics
        self._openapi = OPENAPI.read_bytes()

    async def models(self, request: Request) -> Response:
        snapshot = self._policy.snapshot
        allowed = identify(request.headers.raw, snapshot).tenant.aliases
        names = [alias for alias in snapshot.aliases if allowed is None or alias in allowed]
        return Response(models_list(names), media_type=_JSON)

    async def model(self, request: Request) -> Response:
        snapshot, name = self._policy.snapshot, request.path_params["model"]
        find_target(snapshot, identify(request.headers.raw, snapshot), ModelAlias(name))
        return Response(one_model(name), media_type=_JSON)

    async def receipt(self, request: Request) -> Response:
        tenant = identify(request.headers.raw, self._policy.snapshot).tenant.id
        request_id = RequestId(request.path_params["request_id"])
        receipt = await self._world.receipts.get(tenant, request_id)
        if receipt is None:
            message = (
                f"There is no receipt {request_id[:80]!r}: it was never this tenant's, or it is older than the "
                "receipts kept (policy: receipts.keep)."
            )
            raise GatewayError(ErrorCode.NOT_FOUND, message)
        # What was said may have come to another worker, so a receipt is never kept with it.
        with suppress(StoreUnavailable):
            receipt = replace(receipt, feedback=await self._world.answered.noted(tenant, request_id))
        return Response(tell_receipt(receipt), media_type=_JSON)

    async def feedback(self, request: Request) -> Response:
        """Take what a caller says of an answer it was given."""
        snapshot, headers = self._policy.snapshot, request.headers.raw
        tenant = identify(headers, snapshot).tenant.id
        try:
            check_content_headers(headers)
            inbound = AsgiInbound(request.scope, request.receive)
            opinion = read_feedback(await inbound.read_body(FEEDBACK_BYTES_MAX, snapshot.limits.body_timeout_s))
        except GatewayError as error:
            self._opinions.counts[FeedbackOutcome.INVALID] += 1
            if error.code is ErrorCode.BODY_TOO_LARGE:
                raise _feedback_too_large() from error
            raise
        return Response(write_feedback(*await self._opinions.take(tenant, opinion)), media_type=_JSON)

    async def live(self, request: Request) -> Response:
        return Response(b'{"status":"live"}', media_type=_JSON)

    async def ready(self, request: Request) -> Response:
        if self._world.admission.is_leaving:
            raise GatewayError(ErrorCode.DRAINING, "The gateway is shutting down.")
        return Response(b'{"status":"ready"}', media_type=_JSON)

    async def metrics(self, request: Request) -> Response:
        # Each scrape on a connection of its own: over one that is kept, the same worker would be asked for ever, and
        # one that is held up would leave the others unseen with it.
        return Response(await self._metrics(), headers={"connection": "close"}, media_type=_PROMETHEUS)

    async def openapi(self, request: Request) -> Response:
        return Response(self._openapi, media_type=_JSON)

    async def policy(self, request: Request) -> Response:
        """Tell which policy is in force and what was wrong with the last edit. From this machine only."""
        only_from_here(request)
        policy = self._policy
        told = {
            "snapshot": policy.snapshot.id,
            "source": policy.source.name,
            "reloads": {"accepted": policy.reloads.accepted, "refused": policy.reloads.refused},
            "problems": [str(problem) for problem in policy.problems],
            "artefact": None if self._artefact is None else _artefact(self._artefact),
        }
        return Response(msgspec.json.encode(told), media_type=_JSON)


def _artefact(in_force: ArtefactInForce) -> dict[str, object]:
    manifest, reloads = in_force.artefact.manifest, in_force.reloads
    return {
        "name": manifest.name,
        "version": manifest.version,
        "digest": in_force.artefact.catalogue.digest,
        "reloads": {"accepted": reloads.accepted, "refused": reloads.refused},
        "problem": in_force.problem or None,
    }


def _feedback_too_large() -> GatewayError:
    message = f"Feedback may have at most {FEEDBACK_BYTES_MAX} bytes. Shorten the comment."
    return GatewayError(ErrorCode.BODY_TOO_LARGE, message)
