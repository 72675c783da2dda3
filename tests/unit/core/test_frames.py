"""What is said around a request is taken off, and nothing else."""

import pytest

from gateway.core.frames import FRAME_ODDS, FRAMES_MAX, is_frame, may_be_framed, sentences_of, unframed
from gateway.core.words import words_of

ASKED = "Which planet has the shortest year?\nA. Mars\nB. Mercury"


@pytest.mark.parametrize(
    "framed",
    [
        f"Hello! I would appreciate your help.\n\n{ASKED}",
        f"{ASKED}\n\nThanks a lot, and have a nice day!",
        f"Please use the most powerful model, this is a difficult problem.\n{ASKED}\nLet me know, please.",
        f"---\n{ASKED}\n***",
        f"# Task\n\n{ASKED}",
        f"{ASKED}\n \n\t\u2028Thank you!",
    ],
)
def test_greetings_thanks_and_pleas_are_taken_off(framed: str) -> None:
    assert unframed(framed) == ASKED


def test_a_line_is_one_by_all_of_its_sentences_where_none_of_them_is_by_itself() -> None:
    line = "Dear Zork. Please help, thanks."
    assert not is_frame("Dear Zork.", {b"dear": 5, b"please": 30, b"help": 30})
    assert unframed(f"{line}\n{ASKED}") == ASKED
    assert unframed(f"{ASKED}\n{line[:9]}. Please help thanks Zork") == ASKED


def test_a_request_of_its_own_stays() -> None:
    assert unframed(ASKED) == ASKED
    assert unframed("How would I thank my host in Japanese?") == "How would I thank my host in Japanese?"


@pytest.mark.parametrize(
    ("text", "left"), [("Hello!", "Hello!"), ("Hello! Thank you!", "Thank you!"), ("Hi!\n\n***", "Hi!\n\n***")]
)
def test_of_a_text_that_says_nothing_else_some_is_left(text: str, left: str) -> None:
    assert unframed(text) == left


def test_a_sentence_longer_than_is_looked_at_stays() -> None:
    endless = "please help me " * 40
    assert unframed(f"{endless}\n{ASKED}").startswith("please")
    assert unframed(f"{ASKED}\n{endless}").endswith("me ")


def test_so_many_are_taken_off_at_each_end_and_no_more() -> None:
    thanks = "Thanks!\n" * (FRAMES_MAX + 2)
    assert unframed(thanks + ASKED) == "Thanks!\nThanks!\n" + ASKED
    assert unframed(f"{ASKED}\n{thanks}".strip()).count("Thanks!") == 2


def test_the_first_two_words_and_the_last_two_tell_whether_to_look() -> None:
    assert FRAME_ODDS[b"thanks"] > 0
    for text in ("thanks a b c d", "a thanks b c d", "a b c thanks d", "a b c d thanks", "thanks"):
        assert may_be_framed(words_of(text))
    assert not may_be_framed(words_of("a b thanks c d"))


def test_a_text_falls_into_sentences_and_lines() -> None:
    assert sentences_of(" One. Two?\n\n three: 3.5 \n") == ["One.", "Two?", "three:", "3.5"]
