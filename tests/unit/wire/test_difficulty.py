"""The one question of the System One API that the gateway answers itself, as bytes."""

import json
from typing import Any

import pytest

from gateway.domain.ability import Ability, ClassifierOutcome, Score
from gateway.domain.decision import TierView
from gateway.domain.difficulty import Difficulty
from gateway.domain.errors import ErrorCode, GatewayError
from gateway.domain.ids import ModelAlias, TierName
from gateway.domain.limits import EdgeLimits
from gateway.domain.request import CanonicalRequest, Need, Operation
from gateway.wire.difficulty import DifficultyQuestion, read_difficulty, scored_alias, write_difficulty
from gateway.wire.openai_request import canonicalise

LIMITS = EdgeLimits()
QUESTION: dict[str, Any] = {"type": "score", "instructions": "How hard?", "criteria": ["easy", {"is": 2}, None]}


def asked(state: Any, limits: EdgeLimits = LIMITS, **questions: Any) -> tuple[CanonicalRequest, DifficultyQuestion]:
    """Read a request about a state."""
    body = {"model": "tiergate/auto", "state": state, "questions": questions or {"difficulty": QUESTION}}
    return read_difficulty(canonicalise(Operation.SYSTEMONE, json.dumps(body).encode(), LIMITS), limits)


def test_the_prefix_and_an_alias_name_a_model_of_the_gateways_own() -> None:
    assert scored_alias(ModelAlias("tiergate/auto")) == "auto"
    assert scored_alias(ModelAlias("tiergate/vendor/model")) == "vendor/model"
    assert scored_alias(ModelAlias("auto")) is None


@pytest.mark.parametrize(
    ("state", "user_text", "context_text", "turns"),
    [
        ("Prove it.", "Prove it.", "", 1),
        ([{"role": "user", "content": "Prove it."}], "Prove it.", "", 1),
        (
            {
                "messages": [
                    {"role": "system", "content": "Be brief."},
                    {"role": "user", "content": "What is a group?"},
                    {"role": "assistant", "content": "A set with"},
                    {"role": "user", "content": [{"type": "text", "text": "Go on."}]},
                ]
            },
            "Go on.",
            "A set with",
            2,
        ),
        ("<system-reminder>Be kind.</system-reminder>\nProve it.", "Prove it.", "", 1),
        ({"mail": "Now!"}, '{"mail": "Now!"}', "", 1),
        ([1, 2], "[1, 2]", "", 1),
        (None, "null", "", 1),
        ([], "", "", 0),
    ],
)
def test_a_state_is_a_text_or_messages_and_else_its_json(
    state: Any, user_text: str, context_text: str, turns: int
) -> None:
    request, question = asked(state)
    assert (request.user_text, request.context_text, request.turns) == (user_text, context_text, turns)
    assert (request.operation, request.needs) == (Operation.CHAT, Need.NONE)
    assert [json.loads(bytes(level)) for level in question.levels] == ["easy", {"is": 2}, None]


def test_the_size_that_counts_is_the_states() -> None:
    assert asked("abc" * 100)[0].prompt_bytes == 300


@pytest.mark.parametrize(
    ("questions", "param"),
    [
        ({"urgent": QUESTION}, "questions"),
        ({"difficulty": QUESTION, "urgent": QUESTION}, "questions"),
        ({"difficulty": {**QUESTION, "type": "noul"}}, "questions"),
        ({"difficulty": {"criteria": ["a", "b"]}}, "questions"),
        ({"difficulty": {"type": "score"}}, "questions.difficulty.criteria"),
        ({"difficulty": {**QUESTION, "criteria": ["a"]}}, "questions.difficulty.criteria"),
        ({"difficulty": {**QUESTION, "criteria": ["a"] * 11}}, "questions.difficulty.criteria"),
        ({"difficulty": {**QUESTION, "criteria": {"a": "b"}}}, "questions"),
        ({"difficulty": "How hard?"}, "questions"),
    ],
)
def test_what_is_no_such_question_is_refused_by_name(questions: dict[str, Any], param: str) -> None:
    with pytest.raises(GatewayError) as raised:
        asked("x", **questions)
    assert (raised.value.code, raised.value.param) == (ErrorCode.INVALID_VALUE, param)


def test_a_state_has_no_more_messages_than_a_chat() -> None:
    with pytest.raises(GatewayError) as raised:
        asked([{"role": "user", "content": "x"}] * 3, EdgeLimits(messages=2))
    assert (raised.value.code, raised.value.param) == (ErrorCode.LIMIT_EXCEEDED, "state")


def test_the_answer_is_system_ones_and_tells_of_the_tiers_beside_it() -> None:
    request, question = asked("Prove it.")
    score = Score((0.5,), 0.75, "made", ClassifierOutcome.STATIC)
    ability = Ability("made", 0.0, (1.0,), 0.1, 0.5, ())
    view = TierView(TierName("small"), 0.6, 0, None, None, ability, score)
    found = Difficulty(0.4, (0.5, 0.2, 0.3), 0.8, 0.25)
    told = json.loads(write_difficulty(request, question, found, score, [view]))
    assert told.pop("answers") == {
        "difficulty": {
            "type": "score",
            "score": 0.8,
            "legend": {"0": "easy", "1": {"is": 2}, "2": None},
            "probabilities": {"0": 0.5, "1": 0.2, "2": 0.3},
            "confidence": 0.25,
        }
    }
    own = told.pop("tiergate")
    assert told == {"model": "tiergate/auto", "usage": {"input_tokens": request.input_tokens, "output_tokens": 0}}
    assert own.pop("tiers") == {"small": {"p": 0.6, "p_low": view.p_low, "p_high": view.p_high}}
    assert own == {"failing_share": 0.4, "familiarity": 0.75, "scorer": "made", "outcome": "static"}
