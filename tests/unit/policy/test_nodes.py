from decimal import Decimal

import pytest
from ruamel.yaml import YAML

from gateway.policy.nodes import MAX_DEPTH, Builder, LoadRefused, scalar_of
from gateway.policy.problems import Place, Plain


def build(text: str) -> Builder:
    builder = Builder()
    for event in YAML(typ="safe", pure=True).parse(text):
        builder.feed(event)
    return builder


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("true", True),
        ("FALSE", False),
        ("no", "no"),
        ("yes", "yes"),
        ("010", 10),
        ("-3", -3),
        ("0x10", "0x10"),
        ("1_000", "1_000"),
        ("12:30", "12:30"),
        ("2026-01-01", "2026-01-01"),
        ("0.10", Decimal("0.10")),
        (".5", Decimal("0.5")),
        ("1.", Decimal(1)),
        ("1e3", Decimal(1000)),
        ("1e999", "1e999"),
        ("9" * 30, "9" * 30),
        (".nan", ".nan"),
        (".inf", ".inf"),
        ("32k", "32k"),
    ],
)
def test_plain_scalars_are_read_as_yaml_1_2(text: str, value: Plain) -> None:
    assert scalar_of(text) == value
    assert type(scalar_of(text)) is type(value)


def test_quoted_scalars_and_keys_are_always_texts() -> None:
    assert build("1: '2'\ntrue: \"~\"\n3: |\n  4\n").root == {"1": "2", "true": "~", "3": "4\n"}


def test_a_repeated_key_keeps_the_first_value_and_its_places() -> None:
    builder = build("a: {b: 1}\na: {b: 2, c: [3]}\na: 4\n")
    assert builder.root == {"a": {"b": 1}}
    assert builder.values["a", "b"] == Place(1, 8)
    assert [place for place, _ in builder.findings] == [Place(2, 1), Place(3, 1)]


def test_anchors_are_told_but_their_values_are_read() -> None:
    builder = build("a: &x {b: 1}\nc: *x\n")
    assert builder.root == {"a": {"b": 1}, "c": ""}
    assert builder.broken == {("c",)}
    assert [place for place, _ in builder.findings] == [Place(1, 4), Place(2, 4)]


def test_tags_are_told_on_values_lists_and_keys() -> None:
    builder = build("a: !x 1\nb: !y [1]\n!!str c: 2\n")
    assert [finding.path for _, finding in builder.findings] == [("a",), ("b",), ()]


def test_depth_is_counted() -> None:
    assert build("[" * MAX_DEPTH + "]" * MAX_DEPTH).root
    with pytest.raises(LoadRefused, match="levels"):
        build("[" * MAX_DEPTH + "x" + "]" * MAX_DEPTH)


def test_an_alias_as_key_breaks_the_mapping() -> None:
    builder = build("a: &x 1\nb: {*x : 2}\n")
    assert ("b",) in builder.broken
