"""Requests in every dialect become one kind."""

import json

import pytest

from gateway.domain.errors import ErrorCode, GatewayError
from gateway.domain.limits import EdgeLimits
from gateway.domain.request import Need, Operation
from gateway.wire.dialects import DIALECTS, read_request

ASKED = {"model": "auto", "max_tokens": 8, "messages": [{"role": "user", "content": "Hi"}]}
BODY = json.dumps(ASKED).encode()
MORE_THAN_A_CHAT = {
    Operation.MESSAGES: {**ASKED, "thinking": {"type": "adaptive"}},
    Operation.RESPONSES: {"model": "auto", "max_output_tokens": 8, "input": "Hi", "truncation": "auto"},
}
"""A request in each dialect, and of each the last member is left out."""


def test_a_chat_is_read_as_it_is() -> None:
    request = read_request(Operation.CHAT, BODY, EdgeLimits())
    assert (request.operation, request.called, request.native) == (Operation.CHAT, Operation.CHAT, None)


def test_each_dialect_is_tried() -> None:
    assert MORE_THAN_A_CHAT.keys() == DIALECTS.keys()


@pytest.mark.parametrize("operation", DIALECTS)
def test_a_request_in_another_dialect_is_a_chat_and_keeps_its_own_bytes(operation: Operation) -> None:
    body = json.dumps(MORE_THAN_A_CHAT[operation]).encode()
    request = read_request(operation, body, EdgeLimits())
    assert (request.operation, request.called) == (Operation.CHAT, operation)
    assert (request.user_text, request.max_output_tokens, request.alias) == ("Hi", 8, "auto")
    assert request.native is not None
    assert (request.native.body, request.native.not_carried) == (body, (list(MORE_THAN_A_CHAT[operation])[-1],))


def test_what_a_chat_may_not_be_is_refused_in_any_dialect() -> None:
    body = json.dumps({**ASKED, "messages": []}).encode()
    with pytest.raises(GatewayError) as raised:
        read_request(Operation.MESSAGES, body, EdgeLimits())
    assert (raised.value.code, raised.value.param) == (ErrorCode.INVALID_VALUE, "messages")


def test_what_no_chat_can_be_asked_needs_a_server_of_the_dialect() -> None:
    body = json.dumps({"model": "auto", "input": "Hi", "previous_response_id": "resp_1"}).encode()
    request = read_request(Operation.RESPONSES, body, EdgeLimits())
    assert request.needs is Need.RESPONSES
    assert request.native is not None
    assert request.native.refusal is not None
    assert (request.native.refusal.code, request.native.refusal.param) == (
        ErrorCode.INVALID_VALUE,
        "previous_response_id",
    )


SCHEMA = b'{ "type" : "object", "properties": {"mod\\u0065l": {}, "stream_options": null}}'
TOOLED = {
    Operation.MESSAGES: b'{"max_tokens":8,"tools":[{"name":"t","input_schema":%b}],%b}',
    Operation.RESPONSES: b'{"tools":[{"type":"function","name":"t","parameters":%b}],%b}',
}
WORDS = {Operation.MESSAGES: b'"messages":[{"role":"user","content":"Hi"}]', Operation.RESPONSES: b'"input":"Hi"'}


@pytest.mark.parametrize("operation", DIALECTS)
def test_a_models_name_is_found_whatever_keys_the_tools_have(operation: Operation) -> None:
    body = TOOLED[operation] % (SCHEMA, WORDS[operation] + b',"model":"auto","stream":true')
    request = read_request(operation, body, EdgeLimits())
    model, options = request.splice.model, request.splice.stream_options
    assert options is not None
    assert request.body[model.start : model.end] == b'"auto"'
    assert request.body[options.start : options.end] == b'{"include_usage":true}'


@pytest.mark.parametrize("operation", DIALECTS)
def test_a_key_that_is_given_twice_is_told_in_any_dialect(operation: Operation) -> None:
    twice = SCHEMA.replace(b'"stream_options"', b'"model"')
    with pytest.raises(GatewayError) as raised:
        read_request(operation, TOOLED[operation] % (twice, WORDS[operation] + b',"model":"auto"'), EdgeLimits())
    assert raised.value.code is ErrorCode.DUPLICATE_KEY
