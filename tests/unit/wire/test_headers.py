"""Only what was asked for is believed or passed on."""

import pytest

from gateway.domain.errors import GatewayError
from gateway.wire.headers import (
    check_content_headers,
    credential,
    header,
    header_value,
    retry_after_s,
    tiergate_headers,
    upstream_headers,
)

NOW_S = 1_700_000_000.0
NOW = b"Tue, 14 Nov 2023 22:13:20 GMT"


def test_the_first_value_of_a_header_is_found() -> None:
    assert header([(b"a", b"1"), (b"b", b"2"), (b"b", b"3")], b"b") == b"2"
    assert header([], b"b") is None


@pytest.mark.parametrize(
    ("headers", "key"),
    [
        ([(b"authorization", b"Bearer abc")], b"abc"),
        ([(b"authorization", b"bEaReR   abc ")], b"abc"),
        ([(b"x-api-key", b"abc")], b"abc"),
        ([(b"authorization", b"Bearer abc"), (b"x-api-key", b"other")], b"abc"),
        ([(b"authorization", b"Basic dTpw"), (b"x-api-key", b"abc")], b"abc"),
        ([(b"authorization", b"Bearer " + b"k" * 512)], b"k" * 512),
        ([(b"authorization", b"Bearer " + b"k" * 513)], None),
        ([(b"authorization", b"Bearer")], None),
        ([(b"authorization", b"Bearer ")], None),
        ([(b"authorization", b"")], None),
        ([(b"authorization", b"Bearer a"), (b"authorization", b"Bearer b")], None),
        ([(b"x-api-key", b"  ")], None),
        ([], None),
    ],
)
def test_a_key_is_taken_from_where_clients_put_it(headers: list[tuple[bytes, bytes]], key: bytes | None) -> None:
    assert credential(headers) == key


@pytest.mark.parametrize(
    "value",
    [
        b"application/json",
        b"Application/JSON",
        b" application/json ; charset=utf-8",
        b'application/json;charset="UTF-8"',
        b"application/json; charset=utf8; foo=bar",
        b"application/json;",
    ],
)
def test_json_in_utf8_passes(value: bytes) -> None:
    check_content_headers([(b"content-type", value), (b"content-encoding", b"identity")])


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [(b"content-type", b"")],
        [(b"content-type", b"text/plain")],
        [(b"content-type", b"multipart/form-data; boundary=application/json")],
        [(b"content-type", b"application/json; charset=utf-16")],
        [(b"content-type", b"application/jsonp")],
        [(b"content-type", b"application/json"), (b"content-type", b"text/plain")],
        [(b"content-type", b"application/json"), (b"content-encoding", b"gzip")],
    ],
)
def test_any_other_body_is_an_unsupported_media_type(headers: list[tuple[bytes, bytes]]) -> None:
    with pytest.raises(GatewayError) as caught:
        check_content_headers(headers)
    assert caught.value.status == 415


def test_a_request_to_a_server_is_built_anew() -> None:
    trace = [(b"traceparent", b"00-1-2-01")]
    assert upstream_headers("r\r\n1", "secret", trace, stream=True) == [
        (b"content-type", b"application/json"),
        (b"accept", b"text/event-stream"),
        (b"accept-encoding", b"identity"),
        (b"x-request-id", b"r1"),
        (b"traceparent", b"00-1-2-01"),
        (b"authorization", b"Bearer secret"),
    ]
    assert (b"accept", b"application/json") in upstream_headers("r", None, stream=False)
    of_anthropic = upstream_headers("r", "secret", stream=False, key_header=True)
    assert of_anthropic[-2:] == [(b"anthropic-version", b"2023-06-01"), (b"x-api-key", b"secret")]
    assert upstream_headers("r", None, stream=False, key_header=True)[-1] == (b"anthropic-version", b"2023-06-01")


def test_an_answer_says_who_gave_it_and_what_it_cost() -> None:
    headers = tiergate_headers(
        request_id="r", snapshot="s", cache="miss", tier="small", model="m\n\u00fc", attempts=2, cost_usd_nano=1_500_000
    )
    assert headers == [
        (b"x-tiergate-request-id", b"r"),
        (b"x-tiergate-tier", b"small"),
        (b"x-tiergate-model", b"m?"),
        (b"x-tiergate-cache", b"miss"),
        (b"x-tiergate-attempts", b"2"),
        (b"x-tiergate-cost-usd", b"0.0015"),
        (b"x-tiergate-snapshot", b"s"),
    ]


def test_what_is_not_known_is_left_out() -> None:
    names = [name for name, _ in tiergate_headers(request_id="r", snapshot="s", cache="off")]
    assert names == [b"x-tiergate-request-id", b"x-tiergate-cache", b"x-tiergate-snapshot"]


def test_a_header_value_cannot_break_out() -> None:
    assert header_value("a\r\nset-cookie: b\x00\x7f\tc") == b"aset-cookie: b\tc"


@pytest.mark.parametrize(
    ("headers", "wanted"),
    [
        ([], None),
        ([(b"retry-after", b"5")], 5.0),
        ([(b"Retry-After", b" 0.5 ")], 0.5),
        ([(b"retry-after", b"3600")], 60.0),
        ([(b"retry-after", b"9" * 400)], 60.0),
        ([(b"retry-after", b"-1")], None),
        ([(b"retry-after", b"")], None),
        ([(b"retry-after", b"5, 10")], None),
        ([(b"retry-after", b"nan")], None),
        ([(b"retry-after", b"1e3")], None),
        ([(b"retry-after", b"soon")], None),
        ([(b"retry-after", NOW)], 0.0),
        ([(b"retry-after", b"Tue, 14 Nov 2023 22:13:25 GMT")], 5.0),
        ([(b"retry-after", b"Tue, 14 Nov 2023 22:13:25")], 5.0),
        ([(b"retry-after", b"Tue, 14 Nov 2023 22:13:25 +0100")], 0.0),
        ([(b"retry-after", b"Fri, 31 Dec 9999 23:59:59 GMT")], 60.0),
        ([(b"retry-after", b"Fri, 31 Dec 9999 23:59:59 -2359")], 60.0),
        ([(b"retry-after", b"Fri, 31 Dec 99999 23:59:59 GMT")], None),
        ([(b"retry-after", b"x" * 100_000)], None),
        ([(b"retry-after-ms", b"1500"), (b"retry-after", b"9")], 1.5),
        ([(b"x-ms-retry-after-ms", b"250"), (b"retry-after", b"9")], 0.25),
        ([(b"retry-after-ms", b"odd"), (b"retry-after", b"9")], 9.0),
        ([(b"retry-after", b"5"), (b"retry-after", b"9")], 5.0),
    ],
)
def test_a_server_is_understood_however_it_says_when_to_come_back(
    headers: list[tuple[bytes, bytes]], wanted: float | None
) -> None:
    assert retry_after_s(headers, NOW_S) == (None if wanted is None else pytest.approx(wanted))


def test_a_batch_request_is_called_one() -> None:
    told = tiergate_headers(request_id="r", snapshot="s", cache="miss", is_batch=True)
    assert told[-1] == (b"x-tiergate-priority", b"batch")
