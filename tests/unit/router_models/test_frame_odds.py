"""The words that tell of a sentence which belongs to no request: how they are learned, and that those shipped were."""

import re
from pathlib import Path

import pytest

from gateway.core import frame_words
from gateway.core.frames import FRAME_ODDS, is_frame
from router_models.data import Outcomes, default_data_directory, read_outcomes
from router_models.edits import ATTACKS, EDITS
from router_models.frame_odds import asked, counted, learn, module, odds, said_around
from router_models.wordings import CLOSINGS, OPENINGS, PLEAS, TAGS
from tests.support.routing_world import a_world

AROUND = ["Please help me.", "Thanks, please.", "Dear friend,"]
PROMPTS = ["Help the reader find the root.", "Find x."] * 40


def test_a_word_counts_by_how_much_likelier_it_is_around_prompts() -> None:
    learned = odds(AROUND, counted(PROMPTS), len(PROMPTS))
    assert learned[b"please"] > learned[b"thanks"] > learned[b"help"]
    assert b"x" not in learned
    assert is_frame("Thanks, dear!", learned)
    assert not is_frame("Find help.", learned)


def test_each_wording_is_judged_by_the_others_alone() -> None:
    around = ["Please, please.", "Please!", "Dear friend,"]
    found = learn(around, PROMPTS)
    assert found.odds == odds(around, counted(PROMPTS), len(PROMPTS))
    assert found.found == pytest.approx(2 / 3)
    assert found.mistaken == 0.0


def test_only_the_ends_of_training_prompts_are_looked_at() -> None:
    world = a_world()
    used = [query for query in world.queries if query.split != "test"]
    assert 0 < len(asked(world)) <= 2 * len(used)


def test_the_module_says_what_was_learned() -> None:
    assert '\nFRAME_WORDS: Final = """\none 3,two -4\n"""\n' in module({b"one": 3, b"two": -4})


def test_no_three_words_in_a_row_of_the_probes_stand_in_the_wordings_of_training() -> None:
    def threes(text: str) -> set[tuple[str, ...]]:
        words = re.findall(r"[a-z']+", text.lower())
        return {tuple(words[at : at + 3]) for at in range(len(words) - 2)}

    probes = {
        three for edit in (*EDITS.values(), *ATTACKS.values()) for at in range(8) for three in threes(edit("", at))
    }
    assert probes
    for wording in (*OPENINGS, *CLOSINGS, *PLEAS, *TAGS):
        assert not threes(wording) & probes, wording


@pytest.mark.data
def test_the_shipped_words_are_those_that_the_data_give() -> None:
    data = default_data_directory()
    if not (data / "routing").is_dir():
        pytest.skip("the routing outcomes are absent beside the repository")
    outcomes: Outcomes = read_outcomes(data)
    found = learn(said_around(), asked(outcomes))
    assert found.odds == FRAME_ODDS
    assert module(found.odds) == Path(frame_words.__file__).read_text("utf-8")
    # How far it carries over to wordings that it was not learned from, and what it costs.
    assert found.found > 0.55
    assert found.mistaken < 0.01
