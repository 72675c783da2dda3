"""Questions embedded by the encoder of the difficulty model, in the same forward passes that score requests."""

from gateway.adapters.encoder_recent import Encoding
from gateway.core.encoder_text import ENCLOSING, encoder_ids
from gateway.core.wordpiece import WordPieces
from gateway.domain.ability import ClassifierOutcome


class EncoderEmbedder:
    """Holds to `Embedder`. `weights` is the SHA-256 of the encoder's, `width` the length of its vectors.

    An answer is there within `within_s`, or there is none.
    """

    def __init__(self, encoding: Encoding, pieces: WordPieces, weights: str, width: int, within_s: float) -> None:
        self.name = f"encoder {weights[:12]}"
        self.weights = weights
        self.width = width
        self.within_s = within_s
        self._encoding = encoding
        self._pieces = pieces

    async def embed(self, text: str) -> bytes | None:
        """Return the embedding; None for a text without a word, and for one that the encoder would read in part.

        Raises RuntimeError where the encoder is away or could not answer in time.
        """
        lane = self._encoding.lane
        if lane is None:
            raise RuntimeError("there is no encoder any more")
        row = encoder_ids(self._pieces, text, "", lane.tokens)
        if not ENCLOSING < len(row) < lane.tokens:
            return None
        answer = await self._encoding.encode(row)
        if isinstance(answer, ClassifierOutcome):
            raise RuntimeError(f"the encoder did not answer: {answer}")
        return answer.embedding
