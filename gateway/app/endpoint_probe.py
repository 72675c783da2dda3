"""Asks a model server for one token, to see whether it serves. Off the path of requests, over their transport.

A health page says that a process runs; a token says that it can do what it is for.
"""

import asyncio
from typing import Final

import httpx
import msgspec

from gateway.core.breaker import Failure
from gateway.domain.request import Operation
from gateway.domain.tier import Endpoint, Tier
from gateway.domain.usage import NO_USAGE, TokenUsage
from gateway.ports import UpstreamTransport, ready_request
from gateway.wire.dialects import DIALECTS, Dialect
from gateway.wire.headers import upstream_headers
from gateway.wire.openai_response import AnswerMalformed, read_answer

ANSWER_BYTES_MAX: Final = 1024 * 1024
PROBE_ID: Final = "probe"
"""What a server's log shows in the place of a request's id."""
_QUESTION: Final[dict[Operation, dict[str, object]]] = {
    Operation.CHAT: {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1},
    Operation.COMPLETIONS: {"prompt": "Hi", "max_tokens": 1},
    Operation.EMBEDDINGS: {"input": "Hi"},
    Operation.MESSAGES: {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1},
    # OpenAI's own servers give no shorter answer.
    Operation.RESPONSES: {"input": "Hi", "max_output_tokens": 16, "store": False},
    Operation.SYSTEMONE: {"state": "Hi", "questions": {"greeting": {"type": "noul", "instructions": "A greeting?"}}},
    Operation.DECISIONS: {"input": "Hi", "questions": [{"type": "predicate", "instructions": "A greeting?"}]},
    Operation.RERANK: {"query": "Hi", "documents": ["Hello"]},
}
_WRONG_KEY: Final = frozenset({401, 403})
_NOT_OUR_QUESTION: Final = frozenset({400, 409, 413, 415, 422, 501})
"""The server speaks, and takes exception to this question: real requests will tell."""


async def probe(
    tier: Tier, endpoint: Endpoint, operation: Operation, transport: UpstreamTransport
) -> Failure | TokenUsage:
    """Ask, and return what is wrong, or what was used. Waits as long as a request would for its first content."""
    if operation is Operation.CHAT and Operation.CHAT not in endpoint.apis:
        operation = endpoint.apis[0]
    try:
        async with asyncio.timeout(tier.limits.ttft_s):
            response = await transport.handle_async_request(_question(tier, endpoint, operation))
            try:
                return await _judge(response, DIALECTS.get(operation))
            finally:
                await response.aclose()
    except (httpx.ConnectError, httpx.ConnectTimeout):
        return Failure.UNREACHABLE
    except httpx.TransportError:
        return Failure.SERVER
    except TimeoutError:
        return Failure.SLOW


def _question(tier: Tier, endpoint: Endpoint, operation: Operation) -> httpx.Request:
    body = msgspec.json.encode({"model": tier.model, **_QUESTION[operation]})
    url = httpx.URL(f"{endpoint.base_url}/{operation.value}")
    credential = None if endpoint.api_key is None else endpoint.api_key.reveal()
    headers = upstream_headers(PROBE_ID, credential, stream=False, key_header=endpoint.takes_key_header)
    return ready_request(url, headers, body, connect_timeout_s=tier.limits.connect_s)


async def _judge(response: httpx.Response, dialect: Dialect | None) -> Failure | TokenUsage:
    status = response.status_code
    if status in _NOT_OUR_QUESTION:
        return NO_USAGE
    if status in _WRONG_KEY:
        return Failure.CREDENTIALS
    if not 200 <= status < 300:
        return Failure.SERVER
    body = b""
    async for part in response.stream:  # type: ignore[union-attr] # always asynchronous here
        body += part
        if len(body) > ANSWER_BYTES_MAX:
            return Failure.SERVER
    try:
        answer = read_answer(body if dialect is None else dialect.chat_of(body, 0)[0])
    except AnswerMalformed:
        return Failure.SERVER
    if answer.error is not None:
        return Failure.SERVER
    return NO_USAGE if answer.usage is None else answer.usage
