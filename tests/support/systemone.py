"""System One servers: one that answers by a script, and a gateway reached in memory."""

import httpx

from gateway.domain.request import Operation
from tests.support.behaviours import json_reply
from tests.support.gateways import Gateway
from tests.support.openai_bodies import dump
from tests.support.scripts import Behaviour, Script, SeenRequest

HARDEST_CHARS = 100
"""The scripted server finds a text as hard as it is long, up to this."""


def decider(key: str | None = None, model: str = "decider") -> Behaviour:
    """Answer as llama.cpp does with a decision model: each `score` question by the length of the state."""

    def behave(request: SeenRequest) -> Script:
        asked = request.json
        if key is not None and request.header(b"authorization") != b"Bearer " + key.encode():
            return refusal(401, "Invalid API Key")
        if request.method != "POST" or request.path != "/v1/systemone":
            return refusal(404, "File Not Found")
        if asked["model"] != model:
            return refusal(501, "This model is not a decision model")
        answers = {name: _scored(each["criteria"], asked["state"]) for name, each in asked["questions"].items()}
        usage = {"input_tokens": len(asked["state"]), "output_tokens": 0}
        return json_reply(200, dump({"model": model, "answers": answers, "usage": usage}))

    return behave


def refusal(status: int, message: str) -> Script:
    """Say no as llama.cpp says it."""
    return json_reply(status, dump({"error": {"code": status, "message": message, "type": "not_supported_error"}}))


def _scored(criteria: list[object], state: str) -> dict[str, object]:
    score = min(len(state), HARDEST_CHARS) / HARDEST_CHARS * (len(criteria) - 1)
    below = min(int(score), len(criteria) - 2)
    probabilities = {str(level): 0.0 for level in range(len(criteria))}
    probabilities |= {str(below): 1.0 - (score - below), str(below + 1): score - below}
    legend = {str(level): said for level, said in enumerate(criteria)}
    return {"type": "score", "score": score, "legend": legend, "probabilities": probabilities, "confidence": 0.5}


class GatewayTransport(httpx.AsyncBaseTransport):
    """The network to a gateway in memory: what is sent goes through its whole pipeline."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Serve a System One request; there is nothing else at this address."""
        assert request.url.path == "/v1/systemone"
        assert isinstance(request.stream, httpx.AsyncByteStream)
        body = b"".join([part async for part in request.stream])
        headers = tuple((name, value) for name, value in request.headers.raw if name == b"authorization")
        client = await self.gateway.serve(self.gateway.client(body, headers=headers), Operation.SYSTEMONE)
        assert client.responder.status is not None
        return httpx.Response(client.responder.status, stream=httpx.ByteStream(client.responder.body))

    async def aclose(self) -> None:
        """Nothing is open."""
