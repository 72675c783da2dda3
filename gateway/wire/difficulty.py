"""The gateway's own difficulty model as a model of the System One API, which answers one `score` question.

    {"model": "tiergate/auto", "state": "Prove that …",
     "questions": {"difficulty": {"type": "score", "criteria": ["easy", "middling", "hard"]}}}

The model is the prefix and an alias: the state is scored as a request for that alias would be. Levels are the caller's
words for a scale from what every reference model answers well to what none does.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

import msgspec
from msgspec import Raw, Struct

from gateway.domain.ability import Score
from gateway.domain.decision import TierView
from gateway.domain.difficulty import Difficulty
from gateway.domain.errors import ErrorCode, GatewayError
from gateway.domain.ids import ModelAlias
from gateway.domain.limits import EdgeLimits
from gateway.domain.request import CanonicalRequest, Operation
from gateway.wire.body_faults import invalid_value
from gateway.wire.limits import too_many
from gateway.wire.openai_types import Chat, Message
from gateway.wire.prompt import Prompt, chat_prompt

PREFIX: Final = "tiergate/"
"""Begins the names of the models that are the gateway's own."""
QUESTION: Final = "difficulty"
LEVELS_MAX: Final = 10
"""As System One has it."""
_WANTED: Final = (
    f'This model answers one question: \'questions\' must be {{"{QUESTION}": {{"type": "score", "criteria": […]}}}} '
    f"with 2 to {LEVELS_MAX} levels from the easiest to the hardest"
)


class _Question(Struct, gc=False):
    type: str = ""
    criteria: list[Raw] = []


class _Asked(Struct, gc=False):
    state: Raw
    questions: dict[str, _Question]


class _Wrapped(Struct, gc=False):
    messages: list[Message]


_ASKED = msgspec.json.Decoder(_Asked)
_STATE = msgspec.json.Decoder(str | list[Message] | _Wrapped)


@dataclass(frozen=True, slots=True)
class DifficultyQuestion:
    """What was asked: the names of the levels from the easiest to the hardest, each as its caller wrote it in JSON."""

    levels: tuple[Raw, ...]


def scored_alias(model: ModelAlias) -> ModelAlias | None:
    """Return the alias as a request for which a state is to be scored; None where a model is none of ours."""
    return ModelAlias(model.removeprefix(PREFIX)) if model.startswith(PREFIX) else None


def read_difficulty(request: CanonicalRequest, limits: EdgeLimits) -> tuple[CanonicalRequest, DifficultyQuestion]:
    """Return what a sound System One request asks, and its state as the chat that is to be scored.

    A state may be a text, or the messages of a chat, by themselves or under `messages`; any other is read as its JSON.
    Raises GatewayError `invalid_value` or `limit_exceeded`.
    """
    try:
        asked = _ASKED.decode(request.body)
    except msgspec.ValidationError as error:
        raise invalid_value(error) from error
    question = asked.questions.get(QUESTION)
    if question is None or len(asked.questions) > 1 or question.type != "score":
        raise GatewayError(ErrorCode.INVALID_VALUE, f"{_WANTED}.", param="questions")
    if not 2 <= len(question.criteria) <= LEVELS_MAX:
        param = f"questions.{QUESTION}.criteria"
        raise GatewayError(ErrorCode.INVALID_VALUE, f"{_WANTED}; found {len(question.criteria)}.", param=param)
    prompt = _prompt_of(asked.state, limits)
    as_chat = replace(
        request,
        operation=Operation.CHAT,
        needs=prompt.needs,
        user_text=prompt.user_text,
        context_text=prompt.context_text,
        turns=prompt.turns,
        prompt_bytes=prompt.prompt_bytes,
        input_tokens=prompt.input_tokens,
    )
    return as_chat, DifficultyQuestion(tuple(question.criteria))


def write_difficulty(
    request: CanonicalRequest,
    question: DifficultyQuestion,
    found: Difficulty,
    score: Score,
    views: Iterable[TierView],
) -> bytes:
    """Write the answer as System One has it, and under `tiergate` what a decision among the tiers would go by."""
    answer = {
        "type": "score",
        "score": found.mean_level,
        "legend": {str(level): name for level, name in enumerate(question.levels)},
        "probabilities": {str(level): probability for level, probability in enumerate(found.probabilities)},
        "confidence": found.confidence,
    }
    told = {
        "failing_share": found.share,
        "familiarity": score.familiarity,
        "scorer": score.scorer,
        "outcome": score.outcome,
        "tiers": {view.tier: {"p": view.p, "p_low": view.p_low, "p_high": view.p_high} for view in views},
    }
    usage = {"input_tokens": request.input_tokens, "output_tokens": 0}
    return msgspec.json.encode(
        {"model": request.alias, "answers": {QUESTION: answer}, "usage": usage, "tiergate": told}
    )


def _prompt_of(state: Raw, limits: EdgeLimits) -> Prompt:
    try:
        read = _STATE.decode(state)
    except msgspec.ValidationError:
        read = bytes(state).decode()
    messages = read.messages if isinstance(read, _Wrapped) else read
    if isinstance(messages, str):
        messages = [Message("user", messages)]
    if len(messages) > limits.messages:
        raise too_many("state", limits.messages)
    return chat_prompt(Chat(model="", messages=messages), has_tools=False)
