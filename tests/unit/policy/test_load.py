from decimal import Decimal

from gateway.policy.load import MAX_BYTES, Document, read_document
from gateway.policy.problems import START, Finding, Place
from gateway.policy.source import PolicySource

TEXT = """\
version: 1
tiers:
  small: {model: m, price: {input: 0.05}}
  "large":
    endpoints:
      - url: http://a
      - {url: http://b}
"""


def read(text: str | bytes) -> Document:
    return read_document(PolicySource("p.yaml", text))


def test_data_comes_out_plain_with_exact_decimals() -> None:
    assert read(TEXT).root == {
        "version": 1,
        "tiers": {
            "small": {"model": "m", "price": {"input": Decimal("0.05")}},
            "large": {"endpoints": ({"url": "http://a"}, {"url": "http://b"})},
        },
    }


def test_every_value_and_key_knows_its_place() -> None:
    document = read(TEXT)
    assert document.place_of(("version",)) == Place(1, 10)
    assert document.place_of(("version",), at_key=True) == Place(1, 1)
    assert document.place_of(("tiers", "small", "price", "input")) == Place(3, 36)
    assert document.place_of(("tiers", "large"), at_key=True) == Place(4, 3)
    assert document.place_of(("tiers", "large", "endpoints", 0, "url")) == Place(6, 14)
    assert document.place_of(("tiers", "large", "endpoints", 1)) == Place(7, 9)
    assert document.place_of(("tiers", "large", "endpoints", 1), at_key=True) == Place(7, 9)


def test_what_is_missing_stands_at_what_is_around_it() -> None:
    document = read(TEXT)
    assert document.place_of(("tiers", "small", "context")) == Place(3, 3)
    assert document.place_of(("tiers", "large", "endpoints", 1, "dialect")) == Place(7, 9)
    assert document.place_of(("routes", "a")) == START
    assert document.place_of(()) == START


def test_a_finding_becomes_a_problem_with_its_place() -> None:
    problem = read(TEXT).problem(Finding(("tiers", "small", "model"), "wrong", "mend it"))
    assert str(problem) == "p.yaml:3:18: tiers.small.model: wrong; hint: mend it"


def test_columns_count_characters_and_a_byte_order_mark_counts_nothing() -> None:
    assert read("λλ: [λ, b]").place_of(("λλ", 1)) == Place(1, 9)
    assert read("\ufeffversion: 1").root == {"version": 1}
    assert read("\ufeffversion: 1".encode()).root == {"version": 1}


def test_bytes_that_are_not_utf_8_are_placed() -> None:
    problems = read("a: 1\nbb: λ".encode() + b"\xff").problems
    assert [(problem.line, problem.column) for problem in problems] == [(2, 6)]


def test_half_a_character_in_a_text_is_refused() -> None:
    assert "U+D800" in read("a: \ud800").problems[0].message
    escaped = read('a: "\\ud800"\nb: 1')
    assert "half a character" in escaped.problems[0].message
    assert escaped.is_broken(("a",))
    assert escaped.is_broken(("a", "inside"))
    assert not escaped.is_broken(("b",))
    assert not escaped.is_broken(())


def test_the_limit_on_size_is_exact() -> None:
    assert read("a: 1\n#" + "x" * (MAX_BYTES - 6)).root == {"a": 1}
    assert read("a: 1\n#" + "x" * (MAX_BYTES - 5)).root is None


def test_problems_before_a_syntax_error_are_kept() -> None:
    problems = read("a: 1\na: 2\nb: [").problems
    assert [problem.line for problem in problems] == [2, 3]


def test_a_syntax_error_without_a_place_is_told_at_the_top() -> None:
    problems = read("%YAML 1.a\n---\na: 1\n").problems
    assert problems[0].line >= 1
