"""A key given twice can be read in two ways."""

import json

import pytest

from gateway.domain.errors import ErrorCode, GatewayError
from gateway.wire.body_keys import check_keys


@pytest.mark.parametrize(("body", "is_compact"), [(b'{"a":{"b":1}}', True), (b'{"a": {"b": 1}}', False)])
def test_whether_a_body_is_compact(body: bytes, is_compact: bool) -> None:
    assert check_keys(body, json.loads(body)) is is_compact


@pytest.mark.parametrize(("body", "param"), [(b'{"a":1,"b":2,"a":3}', "a"), (b'{"a":{"b":1,"b":2}}', None)])
def test_a_key_given_twice_is_refused(body: bytes, param: str | None) -> None:
    with pytest.raises(GatewayError) as raised:
        check_keys(body, json.loads(body))
    assert (raised.value.code, raised.value.param) == (ErrorCode.DUPLICATE_KEY, param)
