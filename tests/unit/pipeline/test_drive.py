"""The journey as a whole: one snapshot, one end, and never an exception at the door."""

import asyncio
import json
from collections.abc import Callable

import pytest

from gateway.domain.ability import Score, ScorerChoice
from gateway.domain.errors import ErrorCode
from gateway.domain.outcome import Outcome
from gateway.domain.request import CanonicalRequest
from gateway.ports import ClientGone, Headers
from tests.support.behaviours import SSE, always
from tests.support.fake_inbound import FakeClient, FakeResponder
from tests.support.gateways import (
    CHAT,
    KEYED,
    STREAM,
    TEAM_KEY,
    TWO_TIERS,
    Books,
    Gateway,
    error_of,
    events_of,
    held_until,
)
from tests.support.openai_bodies import Words, chat_events
from tests.support.scripts import Hold as Silence
from tests.support.scripts import Reply, Send, Step
from tests.support.waiting import eventually


async def test_a_reload_does_not_change_a_request_under_way() -> None:
    gateway, released = Gateway(), asyncio.Event()
    before = gateway.policy.snapshot
    gateway.network.plan.queue(held_until(released))
    under_way = asyncio.create_task(gateway.ask(CHAT))
    await eventually(lambda: gateway.network.requests)
    gateway.policy.snapshot = Gateway(TWO_TIERS.replace("input: 1,", "input: 5,")).policy.snapshot
    released.set()
    client = await under_way
    assert client.responder.headers[b"x-tiergate-snapshot"] == before.id.encode()
    assert gateway.receipt.charge_usd_nano == gateway.receipt.usage.input_tokens * 1_000 + 5 * 2_000
    client = await gateway.ask({**CHAT, "seed": 2})
    assert client.responder.headers[b"x-tiergate-snapshot"] != before.id.encode()


async def test_a_fault_of_ours_is_reported_in_full_and_told_in_general() -> None:
    class Broken:
        async def score(self, request: CanonicalRequest, choice: ScorerChoice, asks: Callable[[Score], bool]) -> Score:
            raise ZeroDivisionError("the secret detail")

    gateway = Gateway(scorer=Broken())
    client = await gateway.ask(CHAT)
    assert client.responder.status == 500
    assert "secret" not in error_of(client)["message"]
    assert "req_1" in error_of(client)["message"]
    assert [type(fault) for fault in gateway.faults] == [ZeroDivisionError]
    assert gateway.receipt.outcome is Outcome.INTERNAL


async def broken_off(gateway: Gateway, client: FakeClient, ready: Callable[[], object]) -> None:
    """Serve a client, and cancel that as a worker does that goes away."""
    serving = asyncio.create_task(gateway.serve(client))
    await eventually(ready)
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving
    assert len(gateway.kept.receipts) == 1
    assert gateway.world.admission.in_flight == 0


async def test_a_request_that_a_leaving_worker_breaks_off_lets_its_server_go_and_is_told_to_ask_again() -> None:
    gateway = Gateway()
    gateway.network.plan.general = held_until(asyncio.Event())
    client = gateway.client(CHAT)
    await broken_off(gateway, client, lambda: gateway.network.requests)
    assert gateway.network.requests[0].gone.is_set()
    assert client.responder.status == 503
    assert error_of(client)["code"] == "draining"
    assert client.responder.headers[b"retry-after"] == b"1"
    assert gateway.receipt.outcome is Outcome.SHED


async def test_a_stream_that_a_leaving_worker_breaks_off_ends_with_a_notice_and_is_charged() -> None:
    gateway = Gateway()
    role, first, *_ = chat_events(Words(), usage=True, done=True)
    gateway.network.plan.general = always(
        Reply(200, SSE, body=(Send(role), Send(first), Silence(asyncio.Event())), chunked=True)
    )
    client = gateway.client(STREAM)
    await broken_off(gateway, client, lambda: len(client.responder.chunks) > 0)
    told = json.loads(events_of(client)[-1])["error"]
    assert told["code"] == "draining"
    assert told["message"].startswith("The answer is incomplete")
    assert gateway.receipt.outcome is Outcome.STREAM_TRUNCATED
    assert gateway.receipt.error is ErrorCode.DRAINING
    assert gateway.receipt.charge_usd_nano > 0


async def test_a_stream_that_is_told_already_is_not_told_again_when_its_worker_leaves() -> None:
    gateway = Gateway()
    events = chat_events(Words(), usage=True, done=True)
    steps: tuple[Step, ...] = (*(Send(each) for each in events), Silence(asyncio.Event()))
    gateway.network.plan.general = always(Reply(200, SSE, body=steps, chunked=True))
    client = gateway.client(STREAM)
    await broken_off(gateway, client, lambda: client.responder.finished)
    assert events_of(client)[-1] == b"[DONE]"
    assert gateway.receipt.outcome is Outcome.SUCCESS_UPSTREAM


async def test_a_client_that_does_not_read_is_not_waited_for_when_its_worker_leaves() -> None:
    class Deaf(FakeResponder):
        async def finish(self, data: bytes = b"") -> None:
            await asyncio.Event().wait()

    gateway = Gateway()
    client = gateway.client(CHAT)
    client.responder = Deaf()
    await broken_off(gateway, client, lambda: client.responder.status)
    assert gateway.receipt.outcome is Outcome.STREAM_TRUNCATED
    assert not client.responder.finished

    gateway.network.plan.general = held_until(asyncio.Event())
    waiting = gateway.client(CHAT)
    waiting.responder = Deaf()
    serving = asyncio.create_task(gateway.serve(waiting))
    await eventually(lambda: len(gateway.network.requests) == 2)
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving
    assert gateway.receipt.error is ErrorCode.DRAINING


class Failing(FakeResponder):
    """A way back with a fault of ours, at the head or at the second chunk; or a client that leaves there."""

    def __init__(self, *, at: str, error: Exception) -> None:
        super().__init__()
        self.at = at
        self.error = error

    async def send_head(self, status: int, headers: Headers) -> None:
        if self.at == "head":
            raise self.error
        await super().send_head(status, headers)

    async def send_chunk(self, data: bytes) -> None:
        if self.at == "chunk" and self.chunks:
            raise self.error
        await super().send_chunk(data)


async def test_a_fault_of_ours_within_a_stream_is_told_in_band() -> None:
    gateway = Gateway()
    client = gateway.client(STREAM)
    client.responder = Failing(at="chunk", error=ZeroDivisionError("the secret detail"))
    await gateway.serve(client)
    told = json.loads(events_of(client)[-1])["error"]
    assert told["code"] == "internal_error"
    assert "secret" not in told["message"]
    assert gateway.receipt.outcome is Outcome.INTERNAL
    assert gateway.receipt.charge_usd_nano > 0, "the model server has done its work"


async def test_a_fault_of_ours_within_a_whole_answer_adds_nothing_to_it() -> None:
    class Broken(FakeResponder):
        async def finish(self, data: bytes = b"") -> None:
            raise ZeroDivisionError

    gateway = Gateway()
    client = gateway.client(CHAT)
    client.responder = Broken()
    await gateway.serve(client)
    assert client.responder.status == 200
    assert client.responder.chunks == []
    assert [type(fault) for fault in gateway.faults] == [ZeroDivisionError]
    assert gateway.receipt.outcome is Outcome.INTERNAL


async def test_a_client_that_leaves_while_it_is_told_an_error_is_counted_by_the_error() -> None:
    gateway = Gateway(KEYED)
    client = gateway.client(CHAT)
    client.responder = Failing(at="head", error=ClientGone())
    await gateway.serve(client)
    assert gateway.receipt.outcome is Outcome.CLIENT_REJECTED
    assert gateway.faults == []


async def test_a_way_back_that_fails_while_an_error_is_told_is_reported_and_not_raised() -> None:
    gateway = Gateway(KEYED)
    client = gateway.client(CHAT)
    client.responder = Failing(at="head", error=ZeroDivisionError())
    await gateway.serve(client)
    assert [type(fault) for fault in gateway.faults] == [ZeroDivisionError]
    assert gateway.receipt.error is ErrorCode.MISSING_API_KEY


async def test_a_request_cancelled_at_its_very_end_is_settled_and_recorded_all_the_same() -> None:
    class Lingering(FakeResponder):
        async def aclose(self) -> None:
            await asyncio.Event().wait()

    books = Books()
    gateway = Gateway(KEYED, ledger=books)
    client = gateway.client(CHAT, key=TEAM_KEY)
    client.responder = Lingering()
    serving = asyncio.create_task(gateway.serve(client))
    await eventually(lambda: client.responder.finished)
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving
    assert len(books.settlements) == 1
    assert len(gateway.kept.receipts) == 1
    assert gateway.world.admission.in_flight == 0
