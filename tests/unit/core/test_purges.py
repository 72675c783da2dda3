"""A purge makes void what it names, and nothing else, whatever comes in whichever order."""

from dataclasses import replace
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.purges import ALL, ENTRIES_MAX, Mark, PurgeMarks, entry_in, mark_name
from gateway.domain.identity import CachedAnswer
from gateway.domain.ids import RouteName, TenantId
from gateway.domain.purge import Selection, Tally

ALICE = TenantId("alice")
ROUTES, ENTRIES = [RouteName("fast"), RouteName("careful")], ["a" * 64, "b" * 64]
ANSWER = CachedAnswer(b"{}", "small", "m", 1, 1, stored_at_s=100.0, route=ROUTES[0])


def purged(*selections: Selection) -> PurgeMarks:
    marks = PurgeMarks()
    for selection in selections:
        marks.note(selection, 0)
    return marks


@pytest.mark.parametrize(
    ("selection", "void"),
    [
        (Selection(ALICE), True),
        (Selection(ALICE, until_s=100.0), True),
        (Selection(ALICE, until_s=99.9), False),
        (Selection(ALICE, ROUTES[0]), True),
        (Selection(ALICE, ROUTES[1]), False),
        (Selection(ALICE, ROUTES[0], until_s=100.0), True),
        (Selection(ALICE, ROUTES[0], until_s=99.0), False),
        (Selection(ALICE, entry=ENTRIES[0]), True),
        (Selection(ALICE, entry=ENTRIES[1]), False),
        (Selection(ALICE, entry=ENTRIES[0], until_s=99.0), False),
        (Selection(ALICE, entry=ENTRIES[0], until_s=101.0), True),
    ],
)
def test_a_purge_makes_void_what_it_selects(selection: Selection, void: bool) -> None:
    marks = purged(selection)
    assert marks.makes_void(ENTRIES[0], ANSWER) is void
    assert selection.holds(ENTRIES[0], ANSWER.route, ANSWER.stored_at_s) is void
    assert marks.has_entry(ENTRIES[0]) is (selection == Selection(ALICE, entry=ENTRIES[0]))


def test_without_a_purge_nothing_is_void() -> None:
    assert not PurgeMarks().makes_void(ENTRIES[0], ANSWER)
    assert PurgeMarks().number == len(PurgeMarks()) == 0


def test_an_answer_asked_for_after_a_purge_is_sound_however_old_it_says_it_is() -> None:
    marks = purged(Selection(ALICE))
    after = replace(ANSWER, purge=marks.number, stored_at_s=-1.0)
    assert not marks.makes_void(ENTRIES[0], after)
    marks.note(Selection(ALICE, ROUTES[1]), 0)
    assert not marks.makes_void(ENTRIES[0], after), "the later purge was of another route"


def test_numbers_rise_with_the_clock_and_without_it() -> None:
    marks = PurgeMarks()
    told = [marks.note(Selection(ALICE), wall_ms) for wall_ms in (1_000, 1_000, 0, 5_000)]
    assert told == [1_000, 1_001, 1_002, 5_000]


def test_a_purge_until_a_time_takes_nothing_back_of_an_earlier_one() -> None:
    marks = purged(Selection(ALICE, until_s=150.0), Selection(ALICE, until_s=50.0))
    assert marks.makes_void(ENTRIES[0], ANSWER)
    marks = purged(Selection(ALICE), Selection(ALICE, until_s=50.0))
    assert marks.makes_void(ENTRIES[0], ANSWER)


def test_more_marks_than_there_may_be_become_one_of_everything() -> None:
    marks = PurgeMarks()
    for number in range(ENTRIES_MAX):
        marks.note(Selection(ALICE, entry=f"{number:064x}"), 0)
    assert not marks.makes_void("f" * 64, ANSWER)
    marks.note(Selection(ALICE, entry=f"{1:064x}"), 0)
    assert len(marks) == ENTRIES_MAX, "that one is known already"
    marks.note(Selection(ALICE, entry="e" * 64), 0)
    assert len(marks) == 1
    assert marks.makes_void("f" * 64, ANSWER)


def test_what_is_known_here_is_not_forgotten_for_what_another_knows() -> None:
    marks = purged(Selection(ALICE), Selection(ALICE), Selection(ALICE, ROUTES[0]))
    assert marks.number == 3
    marks.learn({ALL: Mark(1)})
    assert marks.number == 3
    assert marks.makes_void(ENTRIES[0], replace(ANSWER, purge=1))
    marks.learn({ALL: Mark(9)})
    assert (marks.number, len(marks)) == (9, 1)
    marks.learn({})
    assert marks.makes_void(ENTRIES[0], replace(ANSWER, purge=8))


SELECTIONS = st.builds(
    Selection,
    st.just(ALICE),
    st.sampled_from([None, *ROUTES]),
    st.just(None),
    st.sampled_from([None, 50.0, 100.0, 150.0]),
) | st.builds(Selection, st.just(ALICE), entry=st.sampled_from(ENTRIES))


@given(
    purges=st.lists(SELECTIONS, max_size=8),
    asked_after=st.integers(0, 8),
    stored_at_s=st.sampled_from([40.0, 100.0, 160.0]),
    route=st.sampled_from(ROUTES),
)
def test_an_answer_is_void_if_a_purge_after_it_was_asked_for_selects_it(
    purges: list[Selection], asked_after: int, stored_at_s: float, route: RouteName
) -> None:
    marks, number = PurgeMarks(), 0
    for count, selection in enumerate(purges, 1):
        noted = marks.note(selection, 0)
        number = noted if count <= asked_after else number
    answer = replace(ANSWER, purge=number, stored_at_s=stored_at_s, route=route)
    selected = any(each.holds(ENTRIES[0], route, stored_at_s) for each in purges[asked_after:])
    is_void = marks.makes_void(ENTRIES[0], answer)
    assert is_void or not selected
    # More may be void than was selected: two bounds of one kind become the later one. Never without any later purge.
    assert not is_void or len(purges) > asked_after


@given(purges=st.lists(SELECTIONS, max_size=8), split=st.integers(0, 8))
def test_who_hears_of_purges_late_and_twice_knows_what_who_noted_them_knows(
    purges: list[Selection], split: int
) -> None:
    noted, heard = PurgeMarks(), PurgeMarks()
    told: dict[str, Mark] = {}
    for count, selection in enumerate(purges):
        number = noted.note(selection, 0)
        name = mark_name(selection)
        before = told.get(name)
        until_s = inf if selection.until_s is None else selection.until_s
        told[name] = Mark(number, until_s if before is None else max(until_s, before.until_s))
        if count == split:
            heard.learn(told)
    heard.learn(told)
    heard.learn(told)
    assert heard.number == noted.number
    for entry in ENTRIES:
        for route in ROUTES:
            for stored_at_s in (40.0, 100.0, 160.0):
                answer = replace(ANSWER, route=route, stored_at_s=stored_at_s)
                assert heard.makes_void(entry, answer) == noted.makes_void(entry, answer)


def test_a_tally_is_complete_unless_it_says_otherwise() -> None:
    assert Tally(1, 2) == Tally(1, 2, is_complete=True)


def test_what_is_new_is_named_with_the_entry_that_it_is_about() -> None:
    marks, name = PurgeMarks(), mark_name(Selection(ALICE, entry=ENTRIES[0]))
    assert marks.learn({name: Mark(3), ALL: Mark(2)}) == (name, ALL)
    assert marks.learn({name: Mark(3), ALL: Mark(1)}) == ()
    assert (entry_in(name), entry_in(ALL)) == (ENTRIES[0], None)
    assert entry_in(mark_name(Selection(ALICE, ROUTES[0]))) is None
    assert entry_in(mark_name(Selection(ALICE, entry=ENTRIES[0], until_s=1.0))) is None
