"""The encoder of another server as a stage of the difficulty model."""

from dataclasses import replace

from gateway.adapters.oip_encoder import RemoteEncoder
from gateway.core.encoder_text import ENCLOSING, ids_of
from gateway.core.folded import turn_discount
from gateway.core.request_text import RequestText
from gateway.core.wordpiece import WordPieces
from gateway.domain.ability import ClassifierOutcome, Score


class RemoteScorer:
    """Refines a score by asking a server. Never raises: what goes wrong is the outcome of the score."""

    def __init__(self, encoder: RemoteEncoder, pieces: WordPieces, *, tokens: int, name: str) -> None:
        """Read at most `tokens` of a text, the enclosing ones included."""
        self._encoder = encoder
        self._pieces = pieces
        self._tokens = tokens
        self._name = name

    async def refine(self, text: RequestText, former: Score) -> Score:
        """Return the server's score, or the former one with the outcome that says why; of no text, the former one.

        A server that does not tell how much it knows is believed as far as the stage before it.
        """
        row = ids_of(self._pieces, text.essence, self._tokens)
        if len(row) == ENCLOSING:
            return former
        answer = await self._encoder.encode(row)
        if isinstance(answer, ClassifierOutcome):
            return replace(former, outcome=answer)
        known = former.familiarity if answer.familiarity is None else answer.familiarity * turn_discount(text.turns)
        return Score(answer.latent, known, self._name, ClassifierOutcome.REMOTE, embedding=answer.place)

    async def aclose(self) -> None:
        """Let go of the server."""
        await self._encoder.aclose()
