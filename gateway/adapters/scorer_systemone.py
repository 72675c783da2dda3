"""A decision model of another server as a stage of the difficulty model."""

from dataclasses import replace

from gateway.adapters.remote_asking import RemoteAsking
from gateway.adapters.systemone_http import SystemOneServer
from gateway.core.difficulty_curve import DifficultyCurve, position_at, rescaled
from gateway.core.folded import turn_discount
from gateway.core.request_text import RequestText
from gateway.domain.ability import ClassifierOutcome, Score
from gateway.domain.remote_model import SystemOneModel


class SystemOneScorer:
    """Scores a request by asking how hard it is. Never raises: what goes wrong is the outcome of the score."""

    def __init__(
        self, server: SystemOneServer, asking: RemoteAsking[bool], decider: SystemOneModel, curve: DifficultyCurve
    ) -> None:
        """Ask through `asking`, and find the position of an answer on `curve`, which is the difficulty model's."""
        self._server = server
        self._asking = asking
        self._decider = decider
        self._curve = curve
        self._name = f"systemone-{decider.model}"

    async def refine(self, text: RequestText, former: Score) -> Score:
        """Return the server's score, or the former one with the outcome that says why; of no text, the former one.

        The server has read the text and its scale is known, so it is believed, whatever the stage before knew: a
        conversation less the longer it is, as by every stage.
        """
        if not text.turn.strip():
            return former

        async def how_hard(_: bool, timeout_s: float) -> float:
            return await self._server.share_of(text.turn)

        answer = await self._asking.ask(how_hard)
        if isinstance(answer, ClassifierOutcome):
            return replace(former, outcome=answer)
        share = rescaled(answer, self._decider.slope, self._decider.offset)
        position = position_at(self._curve, share)
        return Score(position, turn_discount(text.turns), self._name, ClassifierOutcome.SYSTEMONE)
