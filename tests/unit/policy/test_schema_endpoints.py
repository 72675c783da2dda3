import pytest
from pydantic_core import PydanticCustomError

from gateway.policy.schema_endpoints import check_metrics, check_url


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("http://a", "http://a"),
        ("http://a:8000/v1/", "http://a:8000/v1"),
        ("https://[2001:db8::1]:8000/v1", "https://[2001:db8::1]:8000/v1"),
        ("http://127.0.0.1:1/", "http://127.0.0.1:1"),
        ("http://modelserver/models-eu/v1", "http://modelserver/models-eu/v1"),
    ],
)
def test_a_base_url_loses_only_its_last_slash(url: str, base: str) -> None:
    assert check_url(url) == base


@pytest.mark.parametrize(
    "url",
    [
        "a:8000",
        "ftp://a",
        "gopher://a",
        "file:///a",
        "http://",
        "http:///v1",
        "http://a:0",
        "http://a:65536",
        "http://a:b",
        "http://[::1",
        "http://u@a",
        "http://u:p@a",
        "http://a?b",
        "http://a#b",
        "http://a/v1/chat/completions",
        "http://a/v1/embeddings/",
        "http://169.254.169.254",
        "http://[fe80::1]/",
    ],
)
def test_what_is_no_base_url_is_refused(url: str) -> None:
    with pytest.raises(PydanticCustomError):
        check_url(url)


@pytest.mark.parametrize("written", ["auto", "off", "http://triton:8002/metrics", "https://m.example/prometheus/"])
def test_metrics_are_a_word_or_the_address_of_a_page(written: str) -> None:
    assert check_metrics(written) == written


@pytest.mark.parametrize(
    "written", ["on", "ftp://x/metrics", "http://triton:8002", "http://user:pw@x/metrics", "http://169.254.169.254/m"]
)
def test_other_metrics_are_refused(written: str) -> None:
    with pytest.raises(PydanticCustomError):
        check_metrics(written)
