"""Questions embedded by the encoder: what it was trained to read, or nothing."""

import pytest

from gateway.adapters.embedder_encoder import EncoderEmbedder
from gateway.core.wordpiece import WordPieces
from gateway.domain.ability import ClassifierOutcome
from tests.support.toy_encoders import CountedEncoding
from tests.support.vocabularies import small_vocabulary


def embedder(encoding: CountedEncoding) -> EncoderEmbedder:
    return EncoderEmbedder(encoding, WordPieces(small_vocabulary()), "0123456789abcdef", 4, 0.06)


async def test_a_text_is_embedded_by_its_pieces_under_the_name_of_the_weights() -> None:
    encoding = CountedEncoding()
    made = embedder(encoding)
    pieces = WordPieces(small_vocabulary())
    assert await made.embed("the token") == bytes([pieces.first, *pieces.ids("the token"), pieces.last])
    assert made.name == "encoder 0123456789ab"


async def test_a_text_without_a_word_and_one_that_is_cut_have_no_embedding() -> None:
    encoding = CountedEncoding()
    made = embedder(encoding)
    assert await made.embed("") is None
    assert await made.embed("the token " * 40) is None
    assert encoding.asked == []


async def test_an_encoder_that_is_away_or_does_not_answer_is_a_failure() -> None:
    encoding = CountedEncoding()
    made = embedder(encoding)
    encoding.trouble = ClassifierOutcome.TIMEOUT
    with pytest.raises(RuntimeError, match="did not answer: timeout"):
        await made.embed("the token")
    encoding.lane = None
    with pytest.raises(RuntimeError, match="no encoder"):
        await made.embed("the token")
