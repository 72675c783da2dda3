"""What a load may be."""

import pytest

from load_tests.plan import Plan, RefusedLoad


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "localhost"])
def test_loopback_is_accepted(host: str) -> None:
    assert Plan(port=1, body=b"{}", host=host).host == host


@pytest.mark.parametrize("host", ["10.0.0.1", "0.0.0.0", "example.com", "127.0.0.1.example.com", ""])
def test_any_other_host_is_refused(host: str) -> None:
    with pytest.raises(RefusedLoad, match="loopback"):
        Plan(port=1, body=b"{}", host=host)


def test_an_endless_load_is_refused() -> None:
    with pytest.raises(RefusedLoad, match="duration"):
        Plan(port=1, body=b"{}", duration_s=100.0, warmup_s=21.0)
    with pytest.raises(RefusedLoad, match="requests"):
        Plan(port=1, body=b"{}", max_requests=5_000_001)
    with pytest.raises(RefusedLoad, match="connections"):
        Plan(port=1, body=b"{}", connections=0)
    with pytest.raises(RefusedLoad, match="rate"):
        Plan(port=1, body=b"{}", rate_per_s=0.0)


def test_headers_are_sent_and_the_length_is_the_bodys() -> None:
    request, rest = Plan(port=81, body=b"{}", headers=(("authorization", "Bearer k"),)).request_parts()
    assert rest is None
    assert b"\r\nhost: 127.0.0.1:81\r\n" in request
    assert request.endswith(b"content-length: 2\r\nauthorization: Bearer k\r\n\r\n{}")
