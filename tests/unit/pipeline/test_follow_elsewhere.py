"""Requests that are the same and under way in several workers: one of them asks, and all are answered."""

import asyncio
from typing import Any

import pytest

from gateway.domain.errors import ErrorCode
from gateway.domain.flight import Ending
from gateway.domain.identity import CachedAnswer
from gateway.domain.outcome import Outcome
from tests.support.behaviours import fails, speaks
from tests.support.clocks import ManualClock
from tests.support.crowds import Crowd, LedStream, idle
from tests.support.gateways import CHAT, STREAM, Gateway, answer_of, events_of, held_until, text_of
from tests.support.openai_bodies import Words, chat_answer
from tests.support.scripts import Hold, Reply, SeenRequest
from tests.support.shared_caches import Agreed, SharedCache
from tests.unit.pipeline.test_follow import PATIENT, TEXT, cache_of


def workers(behave: Any = None, policy: str = PATIENT) -> tuple[Crowd, Crowd]:
    """Two workers; the model servers behave alike to both."""
    agreed, crowds = Agreed(), list[Crowd]()
    for _ in range(2):
        clock = ManualClock()
        gateway = Gateway(policy, SharedCache(clock, agreed), clock=clock)
        gateway.network.plan.general = behave or speaks()
        crowds.append(Crowd(gateway))
    return crowds[0], crowds[1]


def calls(*crowds: Crowd) -> int:
    return sum(len(crowd.gateway.network.requests) for crowd in crowds)


@pytest.mark.parametrize("body", [STREAM, CHAT], ids=["stream", "whole"])
async def test_a_crowd_over_two_workers_is_answered_by_one_call(body: dict[str, Any]) -> None:
    released = asyncio.Event()
    here, there = workers(held_until(released))
    leader = await here.come(CHAT)
    followers = [await there.come(body) for _ in range(3)]
    released.set()
    await here.over()
    await there.over()
    assert calls(here, there) == 1
    assert cache_of(leader) == b"miss"
    for follower in followers:
        assert cache_of(follower) == b"coalesced"
        text = text_of(follower) if body is STREAM else answer_of(follower)["choices"][0]["message"]["content"]
        assert text == TEXT
    assert {one.outcome for one in there.gateway.kept.receipts} == {Outcome.SUCCESS_CACHE_COALESCED}


async def test_a_stream_elsewhere_is_given_once_it_is_whole() -> None:
    stream = LedStream()
    here, there = workers(stream.behave)
    await here.come(STREAM)
    follower = await there.come(STREAM)
    await stream.go_on(events=3)
    assert follower.responder.status is None
    await stream.finish()
    await here.over()
    await there.over()
    assert text_of(follower) == TEXT
    assert events_of(follower)[-1] == b"[DONE]"


async def test_when_the_worker_that_asks_fails_another_one_asks() -> None:
    released = asyncio.Event()
    here, there = workers(policy=PATIENT.replace("dial: 1000000,", "dial: 1000000, fallback: {max_attempts: 1},"))

    def refuses_late(request: SeenRequest) -> Reply:
        return Reply(500, before=(Hold(released),))

    here.gateway.network.plan.general = refuses_late
    leader = await here.come(CHAT)
    followers = [await there.come(CHAT), await there.come(CHAT)]
    released.set()
    await here.over()
    await there.over()
    assert leader.responder.status == 502
    assert [cache_of(follower) for follower in followers] == [b"miss", b"coalesced"]
    assert calls(here) == 1
    assert calls(there) == 1


@pytest.mark.parametrize("max_age", [b"60", b"0"], ids=["young enough", "too old"])
async def test_who_looks_again_is_given_what_is_kept_by_then_if_it_will_do(max_age: bytes) -> None:
    here, there = workers(LedStream().behave)
    leader = await here.come(STREAM)
    follower = await there.come(CHAT, headers=((b"cache-control", b"max-age=" + max_age),))
    there.gateway.network.plan.general = speaks()
    cache = here.gateway.world.cache
    assert isinstance(cache, SharedCache)
    (key,) = cache.agreed.holders
    wall_s = there.gateway.clock.wall_s()
    cache.put(key, CachedAnswer(chat_answer(Words()), "small", "answer", 1, 1, stored_at_s=wall_s - 30.0), 60.0)
    cache.release(key, Ending.FAILED)
    await there.over()
    assert cache_of(follower) == (b"exact" if max_age == b"60" else b"miss")
    leader.leave()
    await here.over()


async def test_an_answer_that_is_nobody_elses_sends_followers_elsewhere_alone() -> None:
    stream = LedStream(Words(finish_reason="length"))
    here, there = workers(stream.behave)
    there.gateway.network.plan.general = speaks()
    await here.come(STREAM)
    follower = await there.come(STREAM)
    await stream.finish()
    await here.over()
    await there.over()
    assert text_of(follower) == TEXT
    assert cache_of(follower) == b"miss"


async def test_a_follower_elsewhere_waits_no_longer_than_its_own_deadline_and_nobody_is_watched_for_nothing() -> None:
    here, there = workers(LedStream().behave)
    leader = await here.come(STREAM)
    follower = await there.come(CHAT, headers=((b"x-tiergate-deadline-ms", b"20"),))
    await there.over()
    assert answer_of(follower)["error"]["code"] == ErrorCode.DEADLINE_EXCEEDED.value
    await idle()
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "flight elsewhere"]
    leader.leave()
    await here.over()


async def test_a_store_that_breaks_while_it_is_waited_for_is_an_error_and_holds_nobody_up() -> None:
    here, there = workers(LedStream().behave)
    leader = await here.come(STREAM)
    there.gateway.network.plan.general = fails(500)
    follower = await there.come(CHAT)
    cache = here.gateway.world.cache
    assert isinstance(cache, SharedCache)
    (landing,) = cache.agreed.landings.values()
    told = list[dict[str, Any]]()
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    cache.agreed.holders.clear()
    landing.set_exception(ZeroDivisionError())
    await there.over()
    assert follower.responder.status == 502
    assert [type(context["exception"]) for context in told] == [ZeroDivisionError]
    leader.leave()
    await here.over()
