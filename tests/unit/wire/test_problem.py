"""Errors reach clients in OpenAI's shape, and servers' words only where they are fit to be told."""

import json
from typing import Any

import pytest

from gateway.domain.errors import ERRORS, ErrorCode, GatewayError
from gateway.wire.problem import problem, stream_error, upstream_rejection
from gateway.wire.upstream_error import TEXT_BYTES_MAX, connection_words, public_text, read_error, without_host


@pytest.mark.parametrize("code", list(ErrorCode))
def test_every_code_is_told_with_all_four_keys(code: ErrorCode) -> None:
    status, headers, body = problem(GatewayError(code, "What happened.", param="n"))
    assert status == ERRORS[code].status
    assert (b"content-type", b"application/json") in headers
    told = {"message": "What happened.", "type": ERRORS[code].type, "param": "n", "code": code.value}
    assert json.loads(body) == {"error": told}


def test_what_is_not_known_is_null() -> None:
    assert json.loads(problem(GatewayError(ErrorCode.NOT_FOUND, "x"))[2])["error"]["param"] is None


def test_the_wait_is_told_in_whole_seconds_rounded_up() -> None:
    error = GatewayError(ErrorCode.RATE_LIMIT_EXCEEDED, "x", retry_after_s=1.2)
    assert (b"retry-after", b"2") in problem(error)[1]


@pytest.mark.parametrize(
    ("code", "retry_after_s", "is_vain"),
    [
        (ErrorCode.UPSTREAM_ERROR, None, True),
        (ErrorCode.UPSTREAM_TIMEOUT, None, True),
        (ErrorCode.TIER_UNAVAILABLE, None, True),
        (ErrorCode.TIER_UNAVAILABLE, 5.0, False),
        (ErrorCode.INSUFFICIENT_QUOTA, 3600.0, True),
        (ErrorCode.UPSTREAM_REJECTED, None, True),
        (ErrorCode.OVERLOADED, None, False),
        (ErrorCode.RATE_LIMIT_EXCEEDED, 1.0, False),
    ],
)
def test_sdks_are_kept_from_retrying_in_vain(code: ErrorCode, retry_after_s: float | None, is_vain: bool) -> None:
    headers = problem(GatewayError(code, "x", retry_after_s=retry_after_s))[1]
    assert ((b"x-should-retry", b"false") in headers) == is_vain


def test_in_band_an_error_is_one_event() -> None:
    event = stream_error(GatewayError(ErrorCode.STREAM_INTERRUPTED, 'Lost "it"\nthere.'))
    assert event.startswith(b"data: {")
    assert event.endswith(b"}\n\n")
    assert event.count(b"\n") == 2
    assert json.loads(event[6:])["error"]["code"] == "stream_interrupted"


@pytest.mark.parametrize(
    ("body", "message", "param"),
    [
        ({"error": {"message": "Bad tool.", "type": "x", "param": "tools", "code": 400}}, "Bad tool.", "tools"),
        ({"error": {"message": "Bad.", "code": 500, "type": None}}, "Bad.", None),
        ({"error": "Bad."}, "Bad.", None),
        ({"object": "error", "message": "Bad.", "code": 40001}, "Bad.", None),
        ({"detail": [{"loc": ["body"]}]}, "[{'loc': ['body']}]", None),
        ({"error": {"message": "Bad.", "param": True}}, "Bad.", None),
        ({"error": {"message": "Bad.", "param": 3}}, "Bad.", "3"),
    ],
)
def test_a_servers_refusal_keeps_its_words(body: Any, message: str, param: str | None) -> None:
    error = upstream_rejection(422, json.dumps(body).encode())
    assert (error.code, error.status) == (ErrorCode.UPSTREAM_REJECTED, 422)
    assert (error.message, error.param) == (message, param)


@pytest.mark.parametrize(
    "body", [b"", b"<html>Bad</html>", b"[]", b"{}", b'"x"', b"[" * 9999, b'{"error":null}', b'{"error":"\xff"}']
)
def test_a_refusal_that_cannot_be_told_is_told_by_its_status(body: bytes) -> None:
    error = upstream_rejection(400, body)
    assert error.message == "The model server rejected the request (status 400) without a reason that can be told."


@pytest.mark.parametrize(
    "error",
    [
        {"message": "This model's maximum context length is 4096 tokens."},
        {"message": "the request exceeds the available context size, try increasing it", "code": 400},
        {"message": "x", "code": "context_length_exceeded"},
        {"message": "x", "type": "exceed_context_size_error"},
        {"message": "prompt is too long: 9 tokens > 8 maximum"},
        {"message": "The decoder prompt (length 5000) is longer than the maximum model length of 4096."},
        {"message": "The input (5000 tokens) is longer than the model's context length (4096 tokens)."},
        {"message": "Input validation error: `inputs` must have less than 1024 tokens. Given: 5000"},
        {"message": "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000 and 20"},
    ],
)
def test_a_prompt_too_long_is_recognised_in_any_servers_words(error: dict[str, Any]) -> None:
    found = upstream_rejection(400, json.dumps({"error": error}).encode())
    assert (found.code, found.status) == (ErrorCode.CONTEXT_LENGTH_EXCEEDED, 400)
    assert found.message == error["message"]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("cannot reach http://10.1.2.3:8000/v1/x?key=y now", "cannot reach [address] now"),
        ("host 10.1.2.3:8000 and 10.1.2.4", "host [address] and [address]"),
        ("at small-a.svc:8000 or localhost:80", "at [address] or [address]"),
        ("failed ('::1', 8000, 0, 0), failed ('10.1.2.3', 80)", "failed [address], failed [address]"),
        ("Authorization: Bearer abc.def", "Authorization: [redacted]"),
        ("key sk-abcdefgh12345 is wrong", "key [redacted] is wrong"),
        ("messages:10 at 12:30, 3.5 of 4096 tokens", "messages:10 at 12:30, 3.5 of 4096 tokens"),
        ("a" * (TEXT_BYTES_MAX + 1), "a" * TEXT_BYTES_MAX),
    ],
)
def test_addresses_and_credentials_are_not_told(said: str, told: str) -> None:
    assert public_text(said) == told


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("no connection to vllm:8000: refused", "no connection to [address]: refused"),
        ("not valid for 'vllm'. (_ssl.c:1006)", "not valid for '[address]'. (_ssl.c:1006)"),
        ("vllm-2 and my.vllm speak vllms", "vllm-2 and my.vllm speak vllms"),
    ],
)
def test_a_known_host_is_not_told_however_plain_its_name(said: str, told: str) -> None:
    assert without_host(said, "vllm") == told


def test_numbers_are_told_as_text() -> None:
    said = read_error({"error": {"message": "x", "code": 500, "type": "http://a/b"}})
    assert said is not None
    assert (said.code, said.type) == ("500", "[address]")


@pytest.mark.parametrize(
    ("raised", "told"),
    [
        ("[Errno 111] Connect call failed ('127.0.0.1', 8000)", "connection refused"),
        (
            "no connection to http://a:1: [Errno 111] Connection refused",
            "no connection to http://a:1: connection refused",
        ),
        (
            "Multiple exceptions: [Errno 111] Connect call failed ('::1', 80, 0, 0), [Errno 111] Connect call failed",
            "connection refused",
        ),
        (
            "no connection to a: Multiple exceptions: [Errno 101] Connect call failed, [Errno 111] Connect call failed",
            "no connection to a: network unreachable, connection refused",
        ),
        (
            "broke before it answered: [Errno 104] Connection reset by peer",
            "broke before it answered: connection reset",
        ),
        ("[Errno 32] Broken pipe", "connection closed"),
        ("[Errno 113] No route to host", "host unreachable"),
        ("[Errno 110] Connection timed out", "timed out"),
        ("[Errno 24] Too many open files", "the gateway has too many files open"),
        ("[Errno -2] Name or service not known", "host name not found"),
        ("[Errno 9999] Unknown error 9999", "connection failed"),
        (
            "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate (_ssl.c:1006)",
            "certificate verify failed: self-signed certificate",
        ),
        ("the model server closed the connection before it answered",) * 2,
        ("",) * 2,
    ],
)
def test_what_the_system_says_of_a_connection_is_put_into_plain_words(raised: str, told: str) -> None:
    assert connection_words(raised) == told
