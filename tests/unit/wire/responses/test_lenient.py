"""What is read leniently can be written again."""

import math

import msgspec
import pytest

from gateway.wire.responses.lenient import load_leniently


def test_half_characters_and_endless_numbers_are_read_as_something_near() -> None:
    value = load_leniently(b'{"text":"a\\ud800b\xff","n":%b,"m":12,"x":NaN}' % (b"9" * 400))
    assert value is not None
    assert (value["text"], value["m"]) == ("a?b\N{REPLACEMENT CHARACTER}", 12)
    assert math.isinf(value["n"])
    assert msgspec.json.encode(value)


@pytest.mark.parametrize("payload", [b"", b"[]", b"[" * 100_000, b'"x"'])
def test_what_is_no_object_is_nothing(payload: bytes) -> None:
    assert load_leniently(payload) is None
