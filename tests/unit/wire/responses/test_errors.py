"""Errors name what the client sent, and break off a stream with an event that its client raises for."""

import json

import pytest

from gateway.domain.errors import ErrorCode, GatewayError
from gateway.wire.problem import problem
from gateway.wire.responses.errors import error_event, error_from_chat, response_error, sequence_number
from tests.unit.wire.responses.answers import events_of


def body(param: str | None) -> bytes:
    """One of the gateway's own errors."""
    return problem(GatewayError(ErrorCode.CONTEXT_LENGTH_EXCEEDED, "Too long", param=param))[2]


@pytest.mark.parametrize(
    ("param", "told"),
    [
        ("messages", "input"),
        ("messages.0.content", "input"),
        ("max_completion_tokens", "max_output_tokens"),
        ("response_format", "text.format"),
        ("model", "model"),
        ("tools.0", "tools.0"),
        (None, None),
    ],
)
def test_the_member_at_fault_has_the_clients_name(param: str | None, told: str | None) -> None:
    error = json.loads(error_from_chat(body(param)))["error"]
    assert (error["param"], error["message"], error["code"]) == (told, "Too long", "context_length_exceeded")


def test_an_event_says_it_as_documented_and_as_clients_look_for_it() -> None:
    (told,) = events_of(error_event(body("messages"), 0))
    assert (told["code"], told["message"], told["param"]) == ("context_length_exceeded", "Too long", "input")
    assert told["error"]["type"] == "invalid_request_error"


def test_a_failed_response_says_why() -> None:
    assert json.loads(response_error(body(None))) == {"code": "server_error", "message": "Too long"}


@pytest.mark.parametrize(
    ("payload", "number"),
    [(b'{"sequence_number":7}', 7), (b"{}", 0), (b'{"sequence_number":"7"}', 0), (b"[]", 0), (b"\xff", 0)],
)
def test_the_number_of_an_event_is_read(payload: bytes, number: int) -> None:
    assert sequence_number(payload) == number
