"""How the text of a setting is read, where a refusal is not shown with the settings themselves."""

import pytest

from gateway.app.setting_values import collector, share


@pytest.mark.parametrize("text", ["http://127.0.0.1:4318", "https://collector.example/otlp/"])
def test_a_collector_is_named_by_its_url(text: str) -> None:
    assert collector(text) == text


def test_no_collector_is_named_by_nothing() -> None:
    assert collector("") is None


@pytest.mark.parametrize(
    "text", ["collector:4318", "ftp://collector", "http://", "http://collector/?a=b", "http://c/#x"]
)
def test_what_names_no_collector_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="name a host"):
        collector(text)


def test_a_password_has_another_place_than_the_url() -> None:
    with pytest.raises(ValueError, match="OTEL_EXPORTER_OTLP_HEADERS"):
        collector("http://user:secret@collector:4318")


@pytest.mark.parametrize(("text", "value"), [("0", 0.0), ("0.01", 0.01), ("1", 1.0)])
def test_a_share_is_a_number_from_0_to_1(text: str, value: float) -> None:
    assert share(text) == value


@pytest.mark.parametrize("text", ["-0.1", "1.01", "nan", "5%", ""])
def test_anything_else_is_no_share(text: str) -> None:
    with pytest.raises(ValueError, match="from 0 to 1"):
        share(text)
