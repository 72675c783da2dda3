"""Ask a gateway with the official OpenAI client: a line in is a list of requests to send at once, a line out what came
back of them in the same order, both JSON.

A process of its own, since the client is no part of the gateway. Needs the `demo` extra;
`python -m gateway.app.demo_client http://127.0.0.1:8080/v1`.
"""

import asyncio
import json
import sys
from collections.abc import Mapping
from typing import Any, Final

import httpx
from openai import APIStatusError, AsyncOpenAI, DefaultAsyncHttpxClient, OpenAIError

TIMEOUT_S: Final = 60.0
RECEIPT_WITHIN_S: Final = 5.0
"""A receipt is written behind the answer's last byte, so it may be a moment later than the answer."""
POLL_S: Final = 0.01
MARK: Final = "x-tiergate-"


async def ask(client: AsyncOpenAI, request: Mapping[str, Any]) -> dict[str, Any]:
    """Send a request; return its status, our headers, the text and why it ended, or what went wrong."""
    try:
        raw = await client.chat.completions.with_raw_response.create(**request)
        told = {"status": raw.status_code, "headers": _ours(raw.headers)}
        if not request.get("stream"):
            choice = raw.parse().choices[0]
            return told | {"text": choice.message.content or "", "finish_reason": choice.finish_reason}
        return told | await _read_stream(raw.parse())
    except APIStatusError as refusal:
        return {
            "status": refusal.status_code,
            "headers": _ours(refusal.response.headers),
            "text": "",
            "error": refusal.message,
        }
    except OpenAIError as trouble:
        return {"status": None, "headers": {}, "text": "", "error": str(trouble) or type(trouble).__name__}


async def _read_stream(stream: Any) -> dict[str, Any]:
    parts: list[str] = []
    finish_reason = None
    async for chunk in stream:
        for choice in chunk.choices:
            parts.append(choice.delta.content or "")
            finish_reason = choice.finish_reason or finish_reason
    return {"text": "".join(parts), "finish_reason": finish_reason}


def _ours(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.startswith(MARK)}


async def receipt(http: httpx.AsyncClient, request_id: str) -> Any:
    """Return the receipt of a request, None when there is none."""
    try:
        async with asyncio.timeout(RECEIPT_WITHIN_S):
            while True:
                answer = await http.get(f"receipts/{request_id}")
                if answer.status_code == 200:
                    return answer.json()
                await asyncio.sleep(POLL_S)
    except (TimeoutError, httpx.TransportError):
        return None


async def converse(base_url: str) -> None:
    """Answer lines of standard input until it ends."""
    loop = asyncio.get_running_loop()
    async with (
        httpx.AsyncClient(base_url=base_url, trust_env=False) as http,
        AsyncOpenAI(
            base_url=base_url,
            api_key="none-is-needed",
            max_retries=0,
            timeout=TIMEOUT_S,
            # A proxy that the environment names cannot reach this machine's own ports.
            http_client=DefaultAsyncHttpxClient(trust_env=False),
        ) as client,
    ):
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            answers = await asyncio.gather(*[ask(client, request) for request in json.loads(line)])
            for answer in answers:
                request_id = answer["headers"].get(MARK + "request-id")
                answer["receipt"] = None if request_id is None else await receipt(http, request_id)
            sys.stdout.write(json.dumps(answers) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(converse(sys.argv[1]))
