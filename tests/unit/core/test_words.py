"""What counts as a word."""

from gateway.core.words import words_of


def test_letters_are_lowered_digits_become_zero_and_marks_part_words() -> None:
    assert words_of("It's 4,50 EUR-ish") == [b"it", b"s", b"0", b"00", b"eur", b"ish"]


def test_other_scripts_and_lone_surrogates_are_kept_as_bytes() -> None:
    assert words_of("Größe \ud800") == ["größe".encode(), b"\xed\xa0\x80"]
