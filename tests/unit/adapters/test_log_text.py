"""Texts in lines of a log."""

import json
import unicodedata

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.adapters.log_text import TEXT_CHARS_MAX, safe_text


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("plain", "plain"),
        ("Grüße, 世界 🙂", "Grüße, 世界 🙂"),
        ("two\nlines\r", "two\\u{000a}lines\\u{000d}"),
        ("separated\u2028\u2029", "separated\\u{2028}\\u{2029}"),
        ("\x7f\x85\x1b[31m", "\\u{007f}\\u{0085}\\u{001b}[31m"),
        ("turned \u202e round", "turned \\u{202e} round"),
        ("half \ud83d a pair", "half \\u{d83d} a pair"),
    ],
)
def test_what_cannot_be_seen_is_written_as_its_code(text: str, written: str) -> None:
    assert safe_text(text) == written


def test_a_long_text_is_cut() -> None:
    assert safe_text("x" * 1_000) == "x" * TEXT_CHARS_MAX
    assert safe_text("x" * 1_000, 5) == "xxxxx"


@given(st.text(st.characters(), max_size=200))
def test_any_text_is_one_line_of_visible_characters(text: str) -> None:
    written = safe_text(text)
    assert json.loads(msgspec.json.encode(written)) == written
    assert len(written.splitlines()) <= 1
    assert not {unicodedata.category(each) for each in written} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
