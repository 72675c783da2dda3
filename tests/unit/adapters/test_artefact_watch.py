"""Changes in the difficulty model's directory are seen, whatever way they come."""

import asyncio
import os
from pathlib import Path

from gateway.adapters.artefact_watch import ArtefactWatch
from tests.support.waiting import eventually


class Seen:
    """Counts the calls."""

    def __init__(self) -> None:
        self.count = 0

    async def change(self) -> None:
        self.count += 1


async def test_a_look_calls_back_once_for_each_change(tmp_path: Path) -> None:
    seen = Seen()
    watch = ArtefactWatch(tmp_path, seen.change)
    await watch.look()
    await watch.look()
    assert seen.count == 1
    (tmp_path / "manifest.json").write_text("{}")
    await watch.look()
    (tmp_path / "folded.npz").write_text("x")
    await watch.look()
    await watch.look()
    assert seen.count == 3


async def test_a_directory_that_goes_and_comes_is_seen_to(tmp_path: Path) -> None:
    folder, seen = tmp_path / "model", Seen()
    folder.mkdir()
    watch = ArtefactWatch(folder, seen.change)
    await watch.look()
    folder.rename(tmp_path / "gone")
    await watch.look()
    await watch.look()
    assert seen.count == 2
    (tmp_path / "gone").rename(folder)
    await watch.look()
    assert seen.count == 3


async def test_a_link_to_another_directory_is_followed(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.txt").write_text(name)
    link, seen = tmp_path / "model", Seen()
    link.symlink_to("one")
    watching = asyncio.create_task(ArtefactWatch(link, seen.change).run())
    await eventually(lambda: seen.count == 1, within_s=10.0)
    (tmp_path / "new").symlink_to("two")
    os.replace(tmp_path / "new", link)
    await eventually(lambda: seen.count == 2, within_s=10.0)
    watching.cancel()
    await asyncio.wait([watching])
