"""The three ways in which a policy file is replaced, on a real file system."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gateway.adapters.policy_watch import PolicyWatch
from tests.support.waiting import eventually, settled


class Seen:
    """What a watch has told, in order."""

    def __init__(self) -> None:
        self.contents: list[bytes] = []
        self.troubles: list[str] = []

    async def change(self, content: bytes) -> None:
        self.contents.append(content)

    def trouble(self, reason: str) -> None:
        self.troubles.append(reason)


@asynccontextmanager
async def watched(path: Path, known: bytes = b"one") -> AsyncIterator[Seen]:
    """Watch a path; and cancel the watch at the end, which must end it cleanly."""
    seen = Seen()
    task = asyncio.create_task(PolicyWatch(path, known, seen.change, seen.trouble).run())
    try:
        yield seen
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


def config_map(directory: Path, generation: str, text: str) -> None:
    """Put a file there as Kubernetes does: behind a link to a directory which is swapped in one rename."""
    data = directory / f"..{generation}"
    data.mkdir()
    (data / "policy.yaml").write_text(text)
    link = directory / "..data_tmp"
    link.symlink_to(data.name)
    os.replace(link, directory / "..data")


async def test_a_write_in_place_is_told(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text("one")
    async with watched(path) as seen:
        path.write_text("two")
        await eventually(lambda: seen.contents == [b"two"])
        path.write_text("three")
        await eventually(lambda: seen.contents == [b"two", b"three"])


async def test_an_atomic_rename_is_told(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text("one")
    async with watched(path) as seen:
        (tmp_path / "new").write_text("two")
        os.replace(tmp_path / "new", path)
        await eventually(lambda: seen.contents == [b"two"])
        (tmp_path / "new").write_text("three")
        os.replace(tmp_path / "new", path)
        await eventually(lambda: seen.contents == [b"two", b"three"])


async def test_the_swap_of_a_config_map_is_told(tmp_path: Path) -> None:
    config_map(tmp_path, "first", "one")
    path = tmp_path / "policy.yaml"
    path.symlink_to("..data/policy.yaml")
    async with watched(path) as seen:
        config_map(tmp_path, "second", "two")
        await eventually(lambda: seen.contents == [b"two"])


async def test_a_file_that_is_touched_or_has_a_neighbour_is_not_told(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text("one")
    async with watched(path) as seen:
        path.touch()
        (tmp_path / "other.yaml").write_text("other")
        path.write_text("two")
        await eventually(lambda: seen.contents)
        assert seen.contents == [b"two"]


async def test_a_file_that_is_gone_is_told_once_and_its_return_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text("one")
    async with watched(path) as seen:
        path.unlink()
        await eventually(lambda: seen.troubles)
        (tmp_path / "other.yaml").write_text("other")
        path.write_text("two")
        await eventually(lambda: seen.contents == [b"two"])
        assert len(seen.troubles) == 1
        assert "No such file" in seen.troubles[0]


async def test_looking_again_at_the_same_trouble_says_nothing_more(tmp_path: Path) -> None:
    seen = Seen()
    watch = PolicyWatch(tmp_path / "none.yaml", b"", seen.change, seen.trouble)
    await watch.look()
    await watch.look()
    assert len(seen.troubles) == 1
    (tmp_path / "none.yaml").write_text("here")
    await watch.look()
    assert seen.contents == [b"here"]


async def test_a_directory_that_is_not_there_cannot_be_watched(tmp_path: Path) -> None:
    seen = Seen()
    with pytest.raises(FileNotFoundError):
        await PolicyWatch(tmp_path / "none" / "policy.yaml", b"", seen.change, seen.trouble).run()


def names_calibration(content: bytes) -> list[str]:
    """Name one file in every policy but an empty one."""
    return ["small.json"] if content else []


async def test_a_file_that_the_policy_names_is_watched_too(tmp_path: Path) -> None:
    path, seen = tmp_path / "policy.yaml", Seen()
    path.write_text("one")
    named = tmp_path / "small.json"
    named.write_text("1")
    task = asyncio.create_task(PolicyWatch(path, b"one", seen.change, seen.trouble, names_calibration).run())
    try:
        while seen.contents != [b"one"]:
            # Written again and again: the watch may not yet have begun when it was written first.
            named.write_text(named.read_text() + "2")
            await settled(lambda: seen.contents, still_for_s=0.2)
        named.unlink()
        await eventually(lambda: seen.contents[-2:] == [b"one", b"one"])
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_what_is_named_is_told_with_the_policy_and_not_twice(tmp_path: Path) -> None:
    path, seen = tmp_path / "policy.yaml", Seen()
    path.write_text("two")
    (tmp_path / "small.json").write_text("1")
    watch = PolicyWatch(path, b"", seen.change, seen.trouble, names_calibration)
    await watch.look()
    await watch.look()
    assert seen.contents == [b"two"]
    (tmp_path / "small.json").write_text("2")
    await watch.look()
    await watch.look()
    assert seen.contents == [b"two", b"two"]
