"""What is refused on the raw bytes, before anything is built from them."""

from itertools import cycle, islice

import pytest

from gateway.domain.errors import ErrorCode, GatewayError
from gateway.domain.limits import EdgeLimits
from gateway.domain.request import Operation
from gateway.wire.limits import CONTAINERS_MAX, check_bytes

LIMITS = EdgeLimits()


def refusal(body: bytes, operation: Operation = Operation.CHAT, limits: EdgeLimits = LIMITS) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        check_bytes(operation, body, limits)
    return caught.value


@pytest.mark.parametrize("openings", [[b"["], [b'{"a":'], [b"[", b'{"a":'], [b" [1,\n"]])
def test_nesting_to_the_limit_passes_and_one_more_is_refused(openings: list[bytes]) -> None:
    def nested(depth: int) -> bytes:
        opened = list(islice(cycle(openings), depth))
        return b"".join(opened) + b"1" + b"".join(b"]" if b"[" in part else b"}" for part in reversed(opened))

    assert check_bytes(Operation.CHAT, nested(LIMITS.depth), LIMITS)
    assert refusal(nested(LIMITS.depth + 1)).code is ErrorCode.TOO_DEEP


def test_depth_behind_a_shallow_beginning_is_seen() -> None:
    shallow = b"[" + b"[1]," * 5_000
    assert refusal(shallow + b"[" * LIMITS.depth + b"]" * (LIMITS.depth + 1)).code is ErrorCode.TOO_DEEP
    assert refusal(shallow + b"[" * 40 + b"]" * 41).code is ErrorCode.TOO_DEEP
    interleaved = shallow + b"[1,[]," * LIMITS.depth + b"1" + b"]" * (LIMITS.depth + 1)
    assert refusal(interleaved).code is ErrorCode.TOO_DEEP


def test_a_megabyte_of_brackets_is_too_deep() -> None:
    assert refusal(b"[" * 1_000_000).code is ErrorCode.TOO_DEEP
    assert refusal(b'{"a":' * 200_000).code is ErrorCode.TOO_DEEP


def test_brackets_within_strings_do_not_nest() -> None:
    text = b'{"a":"' + b"[" * 100 + b'\\"{\\\\"}'
    assert check_bytes(Operation.CHAT, text, LIMITS) == text


def test_brackets_behind_a_string_that_ends_in_a_backslash_do_nest() -> None:
    assert refusal(b'{"a":"\\\\","b":' + b"[" * 40 + b"]" * 40 + b"}").code is ErrorCode.TOO_DEEP


@pytest.mark.parametrize(
    ("operation", "param"),
    [(Operation.CHAT, "messages"), (Operation.COMPLETIONS, "prompt"), (Operation.EMBEDDINGS, "input")],
)
def test_a_hundred_thousand_messages_are_refused_by_name(operation: Operation, param: str) -> None:
    body = b'{"model":"m","x":[' + b'{"role":"user","content":"x"},' * 99_999 + b"{}]}"
    error = refusal(body, operation)
    assert (error.code, error.param) == (ErrorCode.LIMIT_EXCEEDED, param)


def test_as_many_messages_and_tools_as_allowed_pass_with_parts_of_their_own() -> None:
    message = b'{"content":[{},{}]}'
    body = b'{"x":[' + b",".join([message] * (LIMITS.messages + LIMITS.tools)) + b"]}"
    assert check_bytes(Operation.CHAT, body, LIMITS) == body
    assert refusal(body[:-2] + b",{}]}").code is ErrorCode.LIMIT_EXCEEDED


def test_more_containers_than_any_request_has_are_refused() -> None:
    body = b"[" + b"[]," * CONTAINERS_MAX + b"1]"
    assert refusal(body).code is ErrorCode.LIMIT_EXCEEDED


def test_a_body_beyond_the_limit_is_too_large() -> None:
    limits = EdgeLimits(body_bytes=10)
    assert check_bytes(Operation.CHAT, b"x" * 10, limits)
    assert refusal(b"x" * 11, limits=limits).status == 413


def test_byte_order_marks_are_stripped_or_refused() -> None:
    assert check_bytes(Operation.CHAT, b"\xef\xbb\xbf{}", LIMITS) == b"{}"
    assert refusal('{"a":1}'.encode("utf-16")).code is ErrorCode.MALFORMED_BODY
    assert refusal(b"\xfe\xff\x00{").code is ErrorCode.MALFORMED_BODY
