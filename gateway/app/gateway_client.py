"""Asks a running gateway on behalf of a command, and turns what goes wrong into one sentence."""

import json
from typing import Any, Final

import httpx

TIMEOUT_S: Final = 10.0
"""What is asked lies in memory or in Redis: a gateway that takes longer is in trouble."""


class CannotAsk(Exception):
    """The gateway did not answer, or not with what was asked for. The message says why and how to mend it."""


def ask(
    method: str,
    url: str,
    path: str,
    *,
    document: dict[str, Any] | None = None,
    params: dict[str, str] | None = None,
    transport: httpx.BaseTransport | None = None,
) -> dict[str, Any]:
    """Send a request and return the JSON object that is answered. Raises CannotAsk."""
    base_url = url.rstrip("/").removesuffix("/v1")
    try:
        with httpx.Client(transport=transport, trust_env=False, timeout=TIMEOUT_S) as client:
            answer = client.request(method, f"{base_url}{path}", json=document, params=params)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        reason = str(error) or type(error).__name__
        raise CannotAsk(f"The gateway at {base_url} cannot be asked: {reason}. Name another with --url.") from error
    if answer.status_code != 200:
        raise CannotAsk(f"The gateway at {base_url} says {answer.status_code}: {error_message(answer)}")
    found = _json(answer)
    if not isinstance(found, dict):
        raise CannotAsk(f"What answers at {base_url} is no Tiergate of this version.")
    return found


def error_message(answer: httpx.Response) -> str:
    """Return an OpenAI error's message, or the beginning of whatever came."""
    match _json(answer):
        case {"error": {"message": str(message)}}:
            return message
        case _:
            return answer.text[:200].strip() or "nothing more"


def _json(answer: httpx.Response) -> Any:
    try:
        return json.loads(answer.content)
    except ValueError:
        return None
