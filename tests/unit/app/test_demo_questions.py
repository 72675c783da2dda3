from gateway.app.demo_questions import CITY, Again, Kill, Question, Restart, Reworded, Together, Unlike, script


def test_a_question_becomes_the_arguments_of_the_official_client() -> None:
    assert Question("Hi").request() == {"model": "auto", "messages": [{"role": "user", "content": "Hi"}]}
    asked = Question("Where?", model="gpt-4o", stream=True, response_format=CITY).request()
    assert (asked["model"], asked["stream"], asked["response_format"]) == ("gpt-4o", True, CITY)


def test_the_script_shows_everything_there_is_to_show() -> None:
    steps = script("large")
    questions = [step for step in steps if isinstance(step, Question)]
    assert {question.model for question in questions} >= {"auto", "gpt-4o", "large"}
    assert {question.stream for question in questions} == {True, False}
    assert any(question.response_format for question in questions)
    texts = [question.text for question in questions]
    assert len(set(texts)) == len(texts)
    assert len([step for step in steps if isinstance(step, Again)]) >= 3
    assert Reworded() in steps
    assert Unlike() in steps
    (together,) = [step for step in steps if isinstance(step, Together)]
    assert [question.text for question in together.questions] == [together.question.text] * 2


def test_more_than_one_question_can_be_asked_otherwise() -> None:
    """Which answers end by themselves, and are kept, is up to models with random weights."""
    questions = [step for step in script("large") if isinstance(step, Question)]
    assert len([question for question in questions if question.reworded]) >= 2
    assert len([question for question in questions if question.unlike]) >= 2


def test_questions_and_a_repetition_stand_between_the_kill_and_the_restart() -> None:
    steps = script("large")
    killed, restarted = steps.index(Kill()), steps.index(Restart())
    between = steps[killed + 1 : restarted]
    assert len([step for step in between if isinstance(step, Question)]) >= 3
    assert any(isinstance(step, Again) for step in between)
    assert isinstance(steps[-1], Question)
