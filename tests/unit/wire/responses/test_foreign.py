"""Other models' thoughts are taken out of a request, and nothing else."""

import json
from typing import Any

import pytest

from gateway.wire.fitting import Foreign
from gateway.wire.responses.foreign import without_thoughts

ASKED = {"role": "user", "content": "x"}
THOUGHT = {"type": "reasoning", "id": "rs_1", "summary": []}
LATER = {"type": "reasoning", "id": "rs_2", "summary": []}


def left(foreign: Foreign, *items: Any) -> tuple[list[Any], tuple[str, ...]]:
    """Return the items that are left, and what was removed."""
    body = json.dumps({"model": "m", "input": items, "reasoning": {"effort": "low"}}, indent=1).encode()
    fitted, removed = without_thoughts(body, foreign)
    assert (fitted == body) == (removed == ())
    said: list[Any] = json.loads(fitted)["input"]
    return said, removed


@pytest.mark.parametrize(
    ("foreign", "wanted"),
    [
        (Foreign.NOTHING, [THOUGHT, ASKED, LATER]),
        (Foreign.PAST, [ASKED, LATER]),
        (Foreign.ALL, [ASKED]),
    ],
)
def test_as_much_is_taken_out_as_is_others_work(foreign: Foreign, wanted: list[Any]) -> None:
    said, removed = left(foreign, THOUGHT, ASKED, LATER)
    assert said == wanted
    assert removed == (() if foreign is Foreign.NOTHING else ("input.reasoning",))


def test_where_nobody_asked_nothing_is_past() -> None:
    assert left(Foreign.PAST, THOUGHT)[0] == [THOUGHT]


def test_what_holds_no_thoughts_stays_byte_for_byte() -> None:
    assert left(Foreign.ALL, ASKED) == ([ASKED], ())
    body = b'{"input":"\\"reasoning\\"","reasoning":{}}'
    assert without_thoughts(body, Foreign.ALL) == (body, ())
    assert without_thoughts(b'{"input":"x"}', Foreign.ALL) == (b'{"input":"x"}', ())
