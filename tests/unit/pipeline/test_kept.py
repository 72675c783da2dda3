"""A stream as it is remembered: whole for the cache, or as much of it as followers have still to read."""

import asyncio

from gateway.pipeline.kept import KEPT_STREAM_BYTES_MAX, Kept, Reader
from tests.support.crowds import idle

HALF = b"x" * (KEPT_STREAM_BYTES_MAX // 2)


def a_reader(kept: Kept) -> Reader:
    """One that reads the stream from its beginning, with whoever reads it already."""
    reader = Reader()
    reader.at = 0
    kept.readers = [*kept.readers, reader]
    return reader


def test_a_stream_is_remembered_whole() -> None:
    kept = Kept(b"one", wanted=True)
    assert not kept.add(b" two")
    assert kept.is_whole
    assert kept.join() == b"one two"


def test_what_is_not_wanted_is_not_remembered() -> None:
    kept = Kept(b"one", wanted=False)
    assert not kept.add(b" two")
    assert kept.join() == b""


def test_without_readers_a_stream_that_grows_too_long_is_forgotten() -> None:
    kept = Kept(HALF, wanted=True)
    assert not kept.add(HALF)
    assert not kept.add(b"!")
    assert (kept.wanted, kept.is_whole, kept.join()) == (False, False, b"")


def test_a_shorter_bound_holds_where_one_is_given() -> None:
    kept = Kept(b"one", wanted=True)
    kept.keep_within(3)
    assert kept.is_whole
    kept.keep_within(2)
    assert not kept.wanted


def test_each_reader_reads_at_its_own_pace_and_misses_nothing() -> None:
    kept = Kept(b"one", wanted=True)
    early = a_reader(kept)
    assert kept.take(early) == b"one"
    kept.add(b" two")
    late = a_reader(kept)
    assert kept.take(late) == b"one two"
    kept.add(b" three")
    assert kept.take(early) == b" two three"
    assert kept.take(early) == b""
    assert kept.take(late) == b" three"


def test_with_readers_what_all_have_read_of_a_long_stream_is_forgotten() -> None:
    kept = Kept(HALF, wanted=True)
    reader = a_reader(kept)
    kept.take(reader)
    kept.add(HALF)
    assert not kept.add(b"!"), "it has read half of it"
    assert (kept.wanted, kept.is_whole, kept.join()) == (True, False, b"")
    assert kept.take(reader) == HALF + b"!"


async def test_a_reader_that_is_too_far_behind_holds_the_stream_up_until_it_reads() -> None:
    kept = Kept(HALF, wanted=True)
    slow, quick = a_reader(kept), a_reader(kept)
    kept.take(quick)
    kept.add(HALF)
    assert kept.add(b"!")
    waiting = asyncio.create_task(kept.until_read())
    await idle()
    kept.take(quick)
    await idle()
    assert not waiting.done()
    assert kept.take(slow) == HALF + HALF + b"!"
    await waiting
    kept.add(b"?")
    assert kept.take(slow) == b"?"


async def test_a_reader_that_leaves_holds_nothing_up() -> None:
    kept = Kept(HALF, wanted=True)
    reader = a_reader(kept)
    kept.add(HALF)
    assert kept.add(b"!")
    waiting = asyncio.create_task(kept.until_read())
    await idle()
    kept.readers = ()
    kept.let_go_on()
    await waiting
    assert reader.at == 0
    assert not kept.wanted, "nobody reads it any more, and it is too long for the cache"


async def test_a_reader_is_woken_by_news_and_by_its_time() -> None:
    reader = Reader()
    reader.wake()
    assert not await reader.wait(0.0)
    waiting = asyncio.create_task(reader.wait(60.0))
    await idle()
    reader.wake()
    reader.wake()
    assert await waiting


async def test_who_waits_for_the_whole_answer_is_not_woken_by_its_parts() -> None:
    kept = Kept(b"one", wanted=True)
    reader = Reader()
    kept.readers = (reader,)
    waiting = asyncio.create_task(reader.wait(60.0))
    await idle()
    kept.add(b" two")
    await idle()
    assert not waiting.done()
    kept.add(HALF + HALF)
    assert await waiting, "it is told that there will be none"


def test_what_somebody_waits_for_is_not_forgotten_for_the_sake_of_a_client_that_does_not_read() -> None:
    kept = Kept(b"one", wanted=True)
    reader = a_reader(kept)
    kept.keep_within(1)
    assert kept.take(reader) == b"one"
