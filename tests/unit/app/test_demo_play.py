"""The play on a fake stage: what is asked again, which server is killed, and what the audience is told."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from gateway.app.demo_models import DemoUnavailable
from gateway.app.demo_play import Event, Play
from gateway.app.demo_questions import Again, Kill, Question, Restart, Reworded, Together, Unlike
from gateway.app.demo_rows import Reply, Row
from tests.support.receipt_samples import a_receipt

ENDLESS = Question("Count to a million.")
SHORT, OTHER = Question("Say yes.", stream=True), Question("Say no.")


@dataclass(slots=True)
class FakeScene:
    """Answers from the `small` tier; keeps what ended by itself, as a gateway does."""

    asked: list[Question] = field(default_factory=list)
    at_once: list[int] = field(default_factory=list)
    done: list[str] = field(default_factory=list)

    async def ask(self, questions: Sequence[Question]) -> list[Reply]:
        self.at_once.append(len(questions))
        return [self._answer(question) for question in questions]

    def _answer(self, question: Question) -> Reply:
        is_hit = any(question.text == earlier.text for earlier in self.asked)
        self.asked.append(question)
        headers = {"x-tiergate-tier": "small", "x-tiergate-cache": "exact" if is_hit else "miss"}
        return Reply(200, headers, "…", "length" if question.text == ENDLESS.text else "stop", None, a_receipt())

    def kill(self, tier: str) -> None:
        self.done.append(f"kill {tier}")

    async def restart(self, tier: str) -> None:
        self.done.append(f"restart {tier}")


@dataclass(slots=True)
class FakeAudience:
    """Remembers."""

    seen: list[str] = field(default_factory=list)

    def progress(self, doing: str) -> None:
        self.seen.append(doing)

    def row(self, row: Row) -> None:
        self.seen.append(f"row {row.number}")

    def event(self, event: Event) -> None:
        self.seen.append(f"{event.what} {event.tier}")


def a_play() -> tuple[Play, FakeScene, FakeAudience]:
    scene, audience = FakeScene(), FakeAudience()
    return Play(scene, audience, ("nano", "small", "large")), scene, audience


async def test_only_an_answer_that_ended_by_itself_is_asked_again() -> None:
    play, scene, _ = a_play()
    await play.run((ENDLESS, SHORT, Again()))
    assert [question.text for question in scene.asked] == [ENDLESS.text, SHORT.text, SHORT.text]
    assert not scene.asked[-1].stream


async def test_another_question_is_repeated_each_time_while_there_is_one() -> None:
    play, scene, _ = a_play()
    await play.run((SHORT, OTHER, Again(), Again(stream=True), Again()))
    assert [question.text for question in scene.asked[2:]] == [SHORT.text, OTHER.text, SHORT.text]
    assert scene.asked[3].stream


async def test_what_is_asked_together_is_sent_at_once_and_makes_a_row_each() -> None:
    play, scene, audience = a_play()
    await play.run((SHORT, Together(OTHER)))
    assert scene.at_once == [1, 2]
    assert [row.question for row in play.rows] == [SHORT.text, OTHER.text, OTHER.text]
    assert audience.seen[-3:] == ["asking: Say no.", "row 2", "row 3"]


async def test_a_kept_answers_question_is_asked_in_other_words_and_another_in_nearly_the_same() -> None:
    first, last = Question("Say a.", reworded="Utter a.", unlike="Say b."), Question("Say c.", unlike="Say d.")
    cut = Question(ENDLESS.text, reworded="Count on.", unlike="Count to ten.")
    play, scene, _ = a_play()
    await play.run((cut, SHORT, first, last, Reworded(), Unlike()))
    assert [question.text for question in scene.asked[4:]] == ["Utter a.", "Say d."]


async def test_nothing_is_asked_in_other_words_where_no_such_answer_was_kept() -> None:
    play, scene, _ = a_play()
    await play.run((SHORT, Reworded(), Unlike()))
    assert len(scene.asked) == 1


async def test_without_a_kept_answer_the_demo_says_so() -> None:
    play, _, _ = a_play()
    with pytest.raises(DemoUnavailable, match="none in the cache"):
        await play.run((ENDLESS, Again()))


async def test_the_busiest_server_is_killed_and_started_again_once() -> None:
    play, scene, audience = a_play()
    await play.run((SHORT, Kill(), OTHER, Restart(), Restart()))
    assert scene.done == ["kill small", "restart small"]
    assert play.events == [Event(1, "killed", "small"), Event(2, "restarted", "small")]
    assert audience.seen == [
        "asking: Say yes.",
        "row 1",
        "killed small",
        "asking: Say no.",
        "row 2",
        "starting small again, and waiting until the gateway takes it back",
        "restarted small",
    ]
