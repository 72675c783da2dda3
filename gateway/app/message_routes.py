"""What clients of Anthropic's API ask beside answers."""

from collections.abc import Sequence

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from gateway.app.asgi import AsgiInbound
from gateway.app.refusal import refusal
from gateway.domain.errors import GatewayError
from gateway.domain.request import Operation
from gateway.pipeline.count import count_tokens
from gateway.pipeline.world import World


def message_routes(world: World) -> Sequence[BaseRoute]:
    """Build them."""

    async def count(request: Request) -> Response:
        try:
            tokens = await count_tokens(AsgiInbound(request.scope, request.receive), world)
        except GatewayError as error:
            status, headers, body = refusal(error, Operation.MESSAGES)
            return Response(body, status, {name.decode(): value.decode("latin-1") for name, value in headers})
        return Response(msgspec.json.encode({"input_tokens": tokens}), media_type="application/json")

    return [Route("/v1/messages/count_tokens", count, methods=["POST"])]
