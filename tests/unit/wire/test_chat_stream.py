"""A chat's stream comes to a writer event by event, but for texts in a row, which come at once."""

from collections.abc import Iterable

import pytest

from gateway.wire.chat_stream import ChatStream
from gateway.wire.sse import DONE, PING
from tests.support.openai_bodies import event


def said(text: str, index: int = 0, **members: object) -> bytes:
    return event({**members, "choices": [{"index": index, "delta": {"content": text}}]})


class Scribe:
    """Notes what it is given. A text is under way once it was told anything, until it is told a comment."""

    def __init__(self) -> None:
        self.notes: list[bytes | list[bytes]] = []
        self.is_mid_text = False

    def say_on(self, texts: list[bytes]) -> bytes:
        self.notes.append(texts)
        return b"|".join(texts)

    def tell(self, event: bytes) -> bytes:
        self.notes.append(event)
        self.is_mid_text = event != PING
        return b"<%d>" % len(event)


def noted(reads: Iterable[bytes]) -> list[bytes | list[bytes]]:
    """Feed a stream, and see that what the writer makes of it is returned."""
    scribe, stream = Scribe(), ChatStream()
    told = b"".join([stream.feed(read, scribe) for read in reads])
    made = [b"|".join(note) if isinstance(note, list) else b"<%d>" % len(note) for note in scribe.notes]
    assert told == b"".join(made)
    return scribe.notes


A, B, C = said("a"), said("b"), said("c")
ESCAPED = said("\n")


def test_texts_in_a_row_come_at_once_and_what_is_between_them_is_told() -> None:
    assert noted([A + B + C + ESCAPED + B + DONE]) == [A, [b"b", b"c"], ESCAPED, [b"b"], DONE]
    assert noted([A, B, B + C, B + ESCAPED + C]) == [A, [b"b"], [b"b", b"c"], [b"b"], ESCAPED, [b"c"]]


def test_an_empty_text_is_not_told_where_it_is_known() -> None:
    empty = said("")
    assert noted([A, empty, B + empty + C, empty + DONE]) == [A, [b"b", b"c"], DONE]
    assert noted([A + PING + empty + B + empty]) == [A, PING, empty, [b"b"]]


def test_nothing_goes_on_with_a_text_that_is_over() -> None:
    assert noted([A, PING, B, C]) == [A, PING, B, [b"c"]]


@pytest.mark.parametrize("at", range(1, len(B)))
def test_an_event_that_is_torn_waits_for_its_rest(at: int) -> None:
    assert noted([A + B[:at], B[at:] + C, ESCAPED, C]) == [A, [b"b"], [b"c"], ESCAPED, [b"c"]]


def test_an_empty_text_that_was_torn_is_read() -> None:
    empty = said("")
    assert noted([A + empty[:9], empty[9:] + B]) == [A, empty, [b"b"]]


def test_other_line_ends_and_a_mark_at_the_beginning_are_read_as_well() -> None:
    crlf = B.replace(b"\n", b"\r\n")
    assert noted([b"\xef", b"\xbb\xbf" + A, B, crlf, B + crlf, C]) == [A, [b"b"], crlf, [b"b"], crlf, [b"c"]]


def test_a_mark_amid_the_stream_is_not_taken_for_its_beginning() -> None:
    marked = b"\xef\xbb\xbf" + PING
    assert noted([A, marked]) == [A, marked]


def test_what_never_looks_alike_is_tried_a_few_times() -> None:
    odd = [said("a", seen=number) for number in range(9)]
    assert noted([*odd, A, B]) == [*odd, A, B]


def test_the_first_choice_alone_is_learnt_from() -> None:
    second = said("x", index=1)
    assert noted([second, second, A, B]) == [second, second, A, [b"b"]]
