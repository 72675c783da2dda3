"""What a marked server says tells where it belongs, and what it did is on disk."""

from pathlib import Path

import pytest

from tests.chaos.clients import RawCall
from tests.chaos.evidence import read_works
from tests.chaos.history import End, History
from tests.chaos.marked_server import Mark, Order, read_marks, read_order
from tests.chaos.rig import marked_server
from tests.support.networks import free_port
from tests.support.waiting import eventually

ORDER = Order(request=12, tokens=3, first_ms=5, gap_ms=1)


def test_an_order_is_read_as_it_was_written() -> None:
    assert read_order(ORDER.prompt) == ORDER
    assert read_order("How is the weather?") is None


def test_marks_are_read_as_they_were_written_and_from_nothing_else() -> None:
    marks = [Mark(12, "small-0", "18ax7", place) for place in (0, 1)]
    text = "".join(map(str, marks))
    assert read_marks(text) == marks
    assert read_marks("") == []
    for other in (text[1:], text[:-2], text + " ", "nonsense", "nonsense" + text):
        assert read_marks(other) is None, other


@pytest.mark.parametrize("stream", [True, False])
async def test_a_request_is_answered_by_its_order_and_written_down(tmp_path: Path, stream: bool) -> None:
    server = marked_server("lone", free_port(), tmp_path)
    server.start()
    try:
        await server.ready()
        with History(tmp_path / "history") as history:
            call = RawCall(ORDER, "marked", "free", stream=stream, port=server.port, history=history, patience_s=10.0)
            await call.run()
        journal = tmp_path / "lone.journal"
        await eventually(lambda: [work.event for work in read_works(journal)] == ["finished"])
    finally:
        server.end()
    assert call.ending is not None
    assert (call.ending.end, call.ending.finish_reason) == (End.DONE, "stop")
    (work,) = read_works(journal)
    marks = read_marks(call.ending.text)
    assert marks == [Mark(12, "lone", work.serial, place) for place in range(3)]
    assert (work.server, work.request) == ("lone", 12)
