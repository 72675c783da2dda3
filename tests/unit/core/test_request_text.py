"""A request's text is cleaned once, and every stage reads of it what it would have read alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.encoder_text import encoder_ids, ids_of
from gateway.core.features import extract
from gateway.core.plain_text import turn_text
from gateway.core.request_text import RequestText
from gateway.core.wordpiece import WordPieces
from tests.support.vocabularies import small_vocabulary

PIECES = WordPieces(small_vocabulary())
ASKED = "Hello! Please help me.\n\nWhich of the following gases is the heaviest?\n\nThank you!"
TEXTS = (ASKED, f"{ASKED} {'very ' * 400}", "**the**\n\n- token\n- of\u200b the", "of " * 2_000, "", "and?")


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("context", ["", "the token of the unaffable"])
def test_every_stage_reads_what_it_would_have_read_alone(text: str, context: str) -> None:
    read = RequestText(text, context)
    assert read.features == extract(text, context)
    for tokens in (16, 256):
        assert ids_of(PIECES, read.essence, tokens) == encoder_ids(PIECES, text, context, tokens)


@given(st.text(max_size=120), st.text(max_size=60), st.integers(1, 40))
def test_so_it_is_of_any_text(text: str, context: str, times: int) -> None:
    read = RequestText(text * times, context)
    assert read.features == extract(text * times, context)
    assert ids_of(PIECES, read.essence, 64) == encoder_ids(PIECES, text * times, context, 64)


def test_what_was_read_once_is_not_read_again() -> None:
    read = RequestText(ASKED, turns=3)
    assert read.features is read.features
    assert read.essence is read.essence
    assert (read.turn, read.unread) == turn_text(ASKED, "")
    assert read.turns == 3
