"""Faults are told with their place."""

import msgspec
import pytest

from gateway.domain.errors import ErrorCode
from gateway.wire.body_faults import invalid_value, malformed


@pytest.mark.parametrize(
    ("text", "within", "param", "message"),
    [
        (
            "Expected `int | null`, got `bool` - at `$.n`",
            "",
            "n",
            "'n' is not acceptable: expected int or null, got bool.",
        ),
        ("Expected `str`, got `int` - at `$.a[3].b`", "", "a.3.b", "'a.3.b' is not acceptable: expected str, got int."),
        ("Expected `object`, got `int` - at `$[2]`", "tools", "tools.2", "'tools.2' is not acceptable"),
        ("Expected `object`, got `array`", "", None, "The body is not acceptable: expected object, got array."),
        ("Expected `str`, got `int` - at `$.a[...]`", "", "a", "'a' is not acceptable: expected str, got int."),
        ("Number out of range - at `$[...]`", "top_p", "top_p", "'top_p' is not acceptable: number out of range."),
        ("Object missing required field `model`", "", "model", "'model' is required. Add it."),
        ("Object missing required field `role` - at `$.a[0]`", "", "a.0.role", "'a.0.role' is required. Add it."),
    ],
)
def test_a_bad_value_is_named(text: str, within: str, param: str | None, message: str) -> None:
    error = invalid_value(msgspec.ValidationError(text), within)
    assert (error.code, error.param) == (ErrorCode.INVALID_VALUE, param)
    assert error.message.startswith(message)


@pytest.mark.parametrize(
    ("body", "param", "words"),
    [
        (b'{"a":1,}', None, "at byte 7: trailing comma"),
        (b'{"max_tokens": NaN}', "max_tokens", "at byte 15, in the value of 'max_tokens'"),
        (b'{"a', None, "at byte 3"),
        (b'{"a":"\\ud800"}', None, "surrogate"),
    ],
)
def test_the_place_of_a_syntax_error_is_told(body: bytes, param: str | None, words: str) -> None:
    with pytest.raises(msgspec.DecodeError) as caught:
        msgspec.json.decode(body)
    error = malformed(caught.value, body)
    assert (error.code, error.param) == (ErrorCode.MALFORMED_BODY, param)
    assert words in error.message
