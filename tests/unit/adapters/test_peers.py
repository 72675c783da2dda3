"""Workers that ask each other."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gateway.adapters.peers import QUESTION_BYTES_MAX, Answer, Peers
from tests.support.waiting import eventually

PATIENT_S = 10.0


def saying(text: bytes) -> Answer:
    async def answer(rest: Sequence[str]) -> bytes:
        return b" ".join([text, *(word.encode() for word in rest)])

    return answer


async def silent(rest: Sequence[str]) -> bytes:
    return b""


@asynccontextmanager
async def listening(*peers: Peers) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(each.listen()) for each in peers]
    await eventually(lambda: all(each.is_listening or task.done() for each, task in zip(peers, tasks, strict=True)))
    yield
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def three(folder: Path, within_s: float = PATIENT_S) -> list[Peers]:
    return [Peers(folder, number, within_s=within_s) for number in (1, 2, 3)]


async def test_all_others_are_asked_and_those_who_know_answer(tmp_path: Path) -> None:
    first, second, third = three(tmp_path)
    second.answers["colour"] = saying(b"red")
    third.answers["colour"] = silent
    first.answers["colour"] = saying(b"its own")
    async with listening(first, second, third):
        assert await first.ask("colour", "of", "é\n") == ["red of é\n".encode()]
        assert await second.ask("colour") == [b"its own"]
        assert await first.ask("taste") == []


async def test_a_single_worker_asks_nobody() -> None:
    alone = Peers(None, 0)
    await alone.listen()
    assert await alone.ask("colour") == []


async def test_a_large_answer_arrives_whole(tmp_path: Path) -> None:
    first, second, _ = three(tmp_path)
    second.answers["page"] = saying(bytes(3_000_000))
    async with listening(first, second):
        assert await first.ask("page") == [bytes(3_000_000)]


async def test_who_has_ended_is_left_out_and_its_place_can_be_taken_again(tmp_path: Path) -> None:
    first, second, third = three(tmp_path)
    for peer in (second, third):
        peer.answers["colour"] = saying(b"red")
    async with listening(first, third):
        async with listening(second):
            assert len(await first.ask("colour")) == 2
        (tmp_path / "2.sock").touch()
        assert len(await first.ask("colour")) == 1
        async with listening(again := Peers(tmp_path, 2, within_s=PATIENT_S)):
            again.answers["colour"] = saying(b"blue")
            assert sorted(await first.ask("colour")) == [b"blue", b"red"]


async def test_who_takes_too_long_is_left_out(tmp_path: Path) -> None:
    first, second, third = three(tmp_path, within_s=0.2)
    never = asyncio.Event()

    async def waits(rest: Sequence[str]) -> bytes:
        await never.wait()
        return b"late"

    second.answers["colour"] = waits
    third.answers["colour"] = saying(b"red")
    async with listening(first, second, third):
        assert await first.ask("colour") == [b"red"]


async def test_a_worker_that_ends_ends_what_it_was_answering(tmp_path: Path) -> None:
    first, second, _ = three(tmp_path)
    asked, ended = asyncio.Event(), asyncio.Event()

    async def waits(rest: Sequence[str]) -> bytes:
        asked.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return b"late"

    second.answers["colour"] = waits
    async with listening(first, second):
        asking = asyncio.create_task(first.ask("colour"))
        await asked.wait()
    assert ended.is_set()
    assert await asking == []


@pytest.mark.parametrize(
    "line", [b"", b"\n", b"colour\n", b"[]\n", b'{"a":1}\n', b'["colour"', b"x" * 2 * QUESTION_BYTES_MAX + b"\n"]
)
async def test_what_is_no_question_has_no_answer_and_harms_nobody(line: bytes, tmp_path: Path) -> None:
    first, second, _ = three(tmp_path)
    second.answers["colour"] = saying(b"red")
    async with listening(first, second):
        reader, writer = await asyncio.open_unix_connection(tmp_path / "2.sock")
        writer.write(line)
        writer.write_eof()
        assert await reader.read() == b""
        writer.close()
        assert await first.ask("colour") == [b"red"]


async def test_a_place_that_is_gone_is_an_error_of_whoever_listens(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        await Peers(tmp_path / "gone", 1).listen()
