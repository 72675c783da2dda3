"""A policy edited under a running gateway process: what runs keeps its snapshot, what comes next has the new one."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from tests.e2e.test_openai_client import HELLO, text_of
from tests.support.behaviours import SSE
from tests.support.fault_server import FaultServer
from tests.support.gateway_process import RunningGateway, running_gateway
from tests.support.openai_bodies import Words, chat_events
from tests.support.scripts import Behaviour, Hold, Reply, Script, SeenRequest, Send, Step
from tests.support.waiting import eventually

SAID = Words(pieces=("before", " and", " after"))


def policy(url: str, model: str) -> str:
    """Return a policy of one tier that serves that model."""
    return f"""\
version: 1
tiers:
  only:
    model: {model}
    price: free
    context: 32k
    ability: {{like: llama-3.1-8b-instruct}}
    endpoints: [{{url: "{url}"}}]
models:
  auto: {{route: balanced}}
routes:
  balanced: {{cache: {{exact: off}}}}
"""


def in_place(file: Path, text: str) -> None:
    """Edit as `echo > file` does."""
    file.write_text(text)


def by_rename(file: Path, text: str) -> None:
    """Edit as editors do."""
    other = file.with_name("other.tmp")
    other.write_text(text)
    os.replace(other, file)


def by_symlink_swap(file: Path, text: str) -> None:
    """Edit as a mounted ConfigMap does: the file is a link through `..data` into a directory that is replaced."""
    version = file.parent / f"..{len(list(file.parent.iterdir()))}"
    version.mkdir()
    (version / file.name).write_text(text)
    link = file.parent / "..data_tmp"
    link.symlink_to(version.name)
    os.replace(link, file.parent / "..data")
    if not file.is_symlink():
        file.symlink_to(f"..data/{file.name}")


EDITS: tuple[Callable[[Path, str], None], ...] = (in_place, by_rename, by_symlink_swap)


def paused_at(half: asyncio.Event) -> Behaviour:
    """Say the first word, and the others once the event is set."""

    def behave(request: SeenRequest) -> Script:
        role, first, *others = chat_events(SAID, usage=True, done=True)
        steps: tuple[Step, ...] = (Send(role), Send(first), Hold(half), *(Send(event) for event in others))
        return Reply(200, SSE, body=steps, chunked=True)

    return behave


@dataclass(slots=True)
class Running:
    """A gateway with its policy file, and a client of it."""

    gateway: RunningGateway
    server: FaultServer
    file: Path
    client: openai.AsyncOpenAI

    def policy_in_force(self) -> dict[str, Any]:
        """Ask the gateway which it is."""
        told: dict[str, Any] = httpx.get(self.gateway.origin + "/admin/policy").json()
        return told

    async def snapshot_of_a_request(self) -> str:
        """Ask something; return the snapshot under which it was answered."""
        response = await self.client.chat.completions.with_raw_response.create(model="auto", messages=HELLO)
        return response.headers["x-tiergate-snapshot"]


@asynccontextmanager
async def running(folder: Path, edit: Callable[[Path, str], None]) -> AsyncIterator[Running]:
    """Serve the model `old` from a scripted server in this loop."""
    file = folder / "policy" / "policy.yaml"
    file.parent.mkdir()
    async with FaultServer() as server:
        edit(file, policy(server.base_url, "old"))
        with running_gateway(file, folder) as gateway:
            async with openai.AsyncOpenAI(base_url=gateway.base_url, api_key="unused", max_retries=0) as client:
                yield Running(gateway, server, file, client)


@pytest.mark.parametrize("edit", EDITS)
async def test_a_stream_goes_on_under_its_snapshot_while_new_requests_see_the_new(
    tmp_path: Path, edit: Callable[[Path, str], None]
) -> None:
    async with running(tmp_path, edit) as run:
        rest = asyncio.Event()
        run.server.plan.queue(paused_at(rest))
        stream = await run.client.chat.completions.create(model="auto", messages=HELLO, stream=True)
        events = aiter(stream)
        chunks = [await anext(events), await anext(events)]
        before = run.policy_in_force()["snapshot"]
        edit(run.file, policy(run.server.base_url, "new"))
        await eventually(lambda: run.policy_in_force()["snapshot"] != before, within_s=10)
        assert await run.snapshot_of_a_request() == run.policy_in_force()["snapshot"]
        assert [seen.model for seen in run.server.requests] == ["old", "new"]
        rest.set()
        chunks += [chunk async for chunk in events]
        assert text_of(chunks) == "before and after"
        receipt = await run.client.get(
            f"/receipts/{stream.response.headers['x-tiergate-request-id']}", cast_to=httpx.Response
        )
        assert (receipt.json()["snapshot"], receipt.json()["outcome"]) == (before, "success_upstream")


async def test_a_bad_edit_changes_nothing_and_says_so(tmp_path: Path) -> None:
    async with running(tmp_path, in_place) as run:
        before = run.policy_in_force()["snapshot"]
        run.file.write_text(policy(run.server.base_url, "new").replace("route: balanced", "route: blanced"))
        told = f"{run.file}:10:17: models.auto.route:"
        await eventually(lambda: told in "".join(run.policy_in_force()["problems"]), within_s=10)
        assert "did you mean `balanced`?" in run.policy_in_force()["problems"][0]
        assert await run.snapshot_of_a_request() == before
        assert "was not taken" in run.gateway.errors.read_text()
        run.file.write_text(policy(run.server.base_url, "new"))
        await eventually(lambda: run.policy_in_force()["snapshot"] != before, within_s=10)
        assert run.policy_in_force()["problems"] == []
        assert await run.snapshot_of_a_request() != before
