"""A user's turn without what an agent put around it."""

import pytest

from gateway.wire.harness import BLOCKS, asked_text

REMINDER = "<system-reminder>\nThe user opened main.py.\n</system-reminder>"


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("Fix the test.", "Fix the test."),
        (f"{REMINDER}\nFix the test.", "Fix the test."),
        (f"Fix the test.\n{REMINDER}\nThen push.{REMINDER}", "Fix the test.\n\nThen push."),
        (f"{REMINDER}\n<environment_details>\ncwd: /\n</environment_details>", ""),
        ("# AGENTS.md\n<INSTRUCTIONS>\nBe brief.\n</INSTRUCTIONS>\nWhy?", "# AGENTS.md\n\nWhy?"),
        ("Why <b>this</b>?", "Why <b>this</b>?"),
        ("Say <system-reminder> twice.", "Say <system-reminder> twice."),
        ("</system-reminder> first, <system-reminder> then", "</system-reminder> first, <system-reminder> then"),
        (f"{REMINDER} <system-reminder> left open", "<system-reminder> left open"),
        ("", ""),
    ],
)
def test_what_an_agent_injects_is_not_what_was_asked(text: str, asked: str) -> None:
    assert asked_text(text) == asked


@pytest.mark.parametrize("name", BLOCKS)
def test_every_block_is_left_out(name: str) -> None:
    assert asked_text(f"Before.<{name}>much more</{name}> After.") == "Before. After."


def test_a_flood_of_beginnings_takes_one_look_for_an_end() -> None:
    class Counted(str):
        __slots__ = ()
        looks = 0

        def find(self, *about: object) -> int:
            Counted.looks += 1
            return super().find(*about)  # type: ignore[arg-type]

    flood = Counted("<system-reminder>" * 1_000 + "</none>")
    assert asked_text(flood) == flood
    assert Counted.looks == 2
