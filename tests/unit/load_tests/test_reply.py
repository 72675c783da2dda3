"""How a reply is read and judged."""

import pytest

from load_tests.reply import Reply

STAMP = b"@0000000012345678"


@pytest.mark.parametrize("cut", range(1, len(STAMP)))
def test_a_stamp_in_two_pieces_is_seen_once(cut: int) -> None:
    reply = Reply(stream=True, marker=b"")
    stamps = [*reply.add(b'data: {"content":"' + STAMP[:cut]), *reply.add(STAMP[cut:] + b'"}\n\n')]
    assert stamps == [12_345_678]


def test_several_stamps_of_one_piece_are_all_seen() -> None:
    assert Reply(stream=True, marker=b"").add(b"x" + STAMP + b"y" + STAMP) == [12_345_678, 12_345_678]


def test_an_at_sign_in_the_text_is_not_a_stamp() -> None:
    reply = Reply(stream=True, marker=b"")
    assert reply.add(b"write to ops@example") == []
    assert reply.add(b".org and " + STAMP) == [12_345_678]


def test_a_stream_is_good_only_with_a_token_and_its_end() -> None:
    whole = Reply(stream=True, marker=b"")
    whole.add(STAMP + b"\n\ndata: [DONE]\n\n")
    cut, empty = Reply(stream=True, marker=b""), Reply(stream=True, marker=b"")
    cut.add(STAMP)
    empty.add(b"data: [DONE]\n\n")
    for end in (b'data: {"type":"message_stop"}', b'data: {"type":"response.completed","response":{}}'):
        other = Reply(stream=True, marker=b"")
        other.add(STAMP + b"\n\n" + end + b"\n\n")
        assert other.fault(200) is None
    assert whole.fault(200) is None
    assert cut.fault(200) is not None
    assert empty.fault(200) is not None


def test_a_plain_answer_is_good_only_with_the_marker_and_usage() -> None:
    def fault(body: bytes, status: int = 200) -> str | None:
        reply = Reply(stream=False, marker=b"right")
        reply.add(body)
        return reply.fault(status)

    assert fault(b'{"content":"right","usage":{}}') is None
    assert fault(b'{"content":"right"}') == '200 {"content":"right"}'
    assert fault(b'{"content":"wrong","usage":{}}') is not None
    assert fault(b'{"content":"right",\n"usage":{}}', 502) == '502 {"content":"right",."usage":{}}'


def test_a_cleared_reply_remembers_nothing() -> None:
    reply = Reply(stream=True, marker=b"")
    reply.add(STAMP + b"@000")
    reply.clear()
    assert reply.add(b"0000000012345678") == []
    assert reply.fault(200) is not None
