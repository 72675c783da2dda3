"""The encoder as a stage of the difficulty model: a request's texts to ids, and what comes back to a score."""

from dataclasses import replace

from gateway.adapters.encoder_recent import Encoding
from gateway.core.encoder_text import ENCLOSING, ids_of
from gateway.core.folded import turn_discount
from gateway.core.request_text import RequestText
from gateway.core.wordpiece import WordPieces
from gateway.domain.ability import ClassifierOutcome, Score


class EncoderScorer:
    """Refines a score by the encoder of this process. Never raises: what goes wrong is the outcome of the score."""

    def __init__(self, encoding: Encoding, pieces: WordPieces, name: str) -> None:
        self._encoding = encoding
        self._pieces = pieces
        self._name = name

    async def refine(self, text: RequestText, former: Score) -> Score:
        """Return the encoder's score, or the former one with the outcome that says why; of no text, the former one.

        An encoder that does not tell how much it knows is believed as far as the stage before it.
        """
        lane = self._encoding.lane
        if lane is None:
            return replace(former, outcome=ClassifierOutcome.ERROR)
        if self._encoding.is_full:
            # To read a text takes ten times as long as to refuse it, and in a flood nearly all are refused.
            return replace(former, outcome=ClassifierOutcome.OVERLOAD)
        row = ids_of(self._pieces, text.essence, lane.tokens)
        if len(row) == ENCLOSING:
            return former
        answer = await self._encoding.encode(row)
        if isinstance(answer, ClassifierOutcome):
            return replace(former, outcome=answer)
        known = former.familiarity if answer.familiarity is None else answer.familiarity * turn_discount(text.turns)
        return Score(answer.latent, known, self._name, lane.outcome, embedding=answer.place)
