"""The stages of the difficulty model one after the other, each asked only while the one before leaves a decision open.

    auto       folded ── open? ──> static ── open? ──> encoder, or else the remote scorer
    folded     folded
    static     folded ──> static
    encoder    folded ──> encoder ── could not answer ──> static
    remote     folded ──> remote ── could not answer ──> static
    systemone  folded ──> systemone ── could not answer ──> static

All of them read the same text, which is cleaned once a request.

Stages may be missing. `auto` goes on without; a route that insists on one gets the best there is, as an error.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Final, Protocol

from gateway.adapters.scorer_turns import Turns
from gateway.core.request_text import RequestText
from gateway.domain.ability import ClassifierOutcome, Score, ScorerChoice
from gateway.domain.request import CanonicalRequest

_ENCODED: Final = (ClassifierOutcome.ENCODER, ClassifierOutcome.ENCODER_CPU, ClassifierOutcome.REMOTE)
_FAILED: Final = (ClassifierOutcome.TIMEOUT, ClassifierOutcome.OVERLOAD, ClassifierOutcome.ERROR)


class FirstStage(Protocol):
    """Scores texts at once. A score that a later stage could better has a spread."""

    def score_of(self, text: RequestText) -> Score: ...


class StaticStage(Protocol):
    """Betters a score within a millisecond. Its score has a spread if a later stage could better it."""

    def score(self, text: RequestText, before: Score) -> Score: ...

    def settle(self, text: RequestText, score: Score) -> Score:
        """Join an encoder's position with what this stage knows of the text."""


class WaitingStage(Protocol):
    """Betters a score by asking somebody, or says in the former score's outcome why it could not."""

    async def refine(self, text: RequestText, former: Score) -> Score: ...


class ScorerChain:
    """The difficulty model, with the stages that there are."""

    def __init__(
        self,
        folded: FirstStage,
        *,
        static: StaticStage | None = None,
        encoder: WaitingStage | None = None,
        remote: WaitingStage | None = None,
        systemone: WaitingStage | None = None,
        turns: Turns | None = None,
    ) -> None:
        """Put stages together; `turns` spreads a flood over the turns of the event loop."""
        self._folded = folded
        self._turns = turns
        self._static = static
        self._last = encoder if encoder is not None else remote
        self._by_choice = {
            ScorerChoice.ENCODER: encoder,
            ScorerChoice.REMOTE: remote,
            ScorerChoice.SYSTEMONE: systemone,
        }

    async def score(self, request: CanonicalRequest, choice: ScorerChoice, asks: Callable[[Score], bool]) -> Score:
        """Score a request, by as many stages as the choice allows and the decision needs."""
        if self._turns is not None and (turn := self._turns.enter()) is not None:
            await turn
        text = RequestText(request.user_text, request.context_text, request.turns)
        found = self._folded.score_of(text)
        if choice is ScorerChoice.FOLDED:
            return found
        if choice is ScorerChoice.AUTO:
            if not found.spread or not asks(found):
                return found
            found = await self._better(text, found, asks)
        elif choice is ScorerChoice.STATIC:
            if self._static is None:
                return replace(found, outcome=ClassifierOutcome.ERROR)
            found = self._static.score(text, found)
        else:
            found = await self._insist(text, found, self._by_choice[choice])
        if found.is_known or found.outcome in _FAILED:
            return found
        return replace(found, outcome=ClassifierOutcome.ABSTAIN)

    async def _better(self, text: RequestText, found: Score, asks: Callable[[Score], bool]) -> Score:
        if self._static is not None:
            found = self._static.score(text, found)
            if not found.spread or not asks(found):
                return found
        return found if self._last is None else await self._refined(self._last, text, found)

    async def _insist(self, text: RequestText, first: Score, stage: WaitingStage | None) -> Score:
        if stage is None:
            found = replace(first, outcome=ClassifierOutcome.ERROR)
        else:
            found = await self._refined(stage, text, first)
        if self._static is None or found.outcome not in _FAILED:
            return found
        return replace(self._static.score(text, first), outcome=found.outcome)

    async def _refined(self, stage: WaitingStage, text: RequestText, former: Score) -> Score:
        found = await stage.refine(text, former)
        if self._static is not None and found.outcome is ClassifierOutcome.SYSTEMONE:
            # It tells no place among other texts, and labels near a request are found by this stage's.
            return replace(found, embedding=self._static.score(text, former).embedding)
        if self._static is None or found.outcome not in _ENCODED:
            return found
        return self._static.settle(text, found)
