"""Many probes: what is kept, what is tried again, and when it stops."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway.adapters.answers_file import AnswersFile, KeptAnswer
from gateway.app.probe_run import EMPTY_IN_A_ROW, FAILED_IN_A_ROW, MAX_TRIES, Campaign, Ended, ProbingStopped
from gateway.core.probes.plan import plan
from tests.support.behaviours import always, breaks_before, fails, json_reply, speaks, stalls_before
from tests.support.clocks import ManualClock
from tests.support.fake_transport import FakeTransport
from tests.support.openai_bodies import Words, chat_answer, error_body
from tests.support.scripts import Behaviour, End, Script, SeenRequest, Unreachable
from tests.support.tiers import a_tier
from tests.support.waiting import eventually

PROBES = plan(1, 40)


class World:
    """A campaign with the network and the pauses in a test's hands."""

    def __init__(self, folder: Path, behaviour: Behaviour, endpoints: int = 1) -> None:
        self.transport = FakeTransport(behaviour)
        self.tier = a_tier("small", endpoints=endpoints)
        self.file = AnswersFile(folder / "answers.jsonl", self.tier.model)
        self.pauses: list[float] = []
        self.progress: list[int] = []

    def campaign(
        self, *, concurrency: int = 4, max_tokens: int = 64, budget_usd_nano: int | None = None, probes: int = 40
    ) -> Campaign:
        async def pause(seconds: float) -> None:
            self.pauses.append(seconds)

        return Campaign(
            tier=self.tier,
            probes=PROBES[:probes],
            answers=self.file,
            transports={"lean": self.transport},
            clock=ManualClock(),
            pause=pause,
            max_tokens=max_tokens,
            concurrency=concurrency,
            budget_usd_nano=budget_usd_nano,
            on_progress=lambda campaign: self.progress.append(len(campaign.answered)),
        )

    async def stopped(self, campaign: Campaign) -> str:
        with pytest.raises(ProbingStopped) as stopped:
            await campaign.run()
        return str(stopped.value)


MakeWorld = Callable[..., World]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[MakeWorld]:
    """Make worlds whose files are closed at the end."""
    made: list[World] = []

    def build(behaviour: Behaviour, endpoints: int = 1) -> World:
        made.append(World(tmp_path, behaviour, endpoints))
        return made[-1]

    yield build
    for world in made:
        world.file.close()


async def test_every_probe_is_asked_once_and_kept(make: MakeWorld) -> None:
    world = make(speaks())
    campaign = world.campaign()
    await campaign.run()
    assert len(world.transport.requests) == len(campaign.answered) == 40
    assert {request.json["messages"][0]["content"] for request in world.transport.requests} == {
        probe.task.text for probe in PROBES
    }
    assert world.progress[-1] == 40
    assert campaign.ended is Ended.DONE
    # 5 tokens of each answer at a millionth of a dollar.
    assert campaign.spent_usd_nano == 40 * 5 * 1_000


async def test_what_was_answered_before_is_not_asked_again(make: MakeWorld) -> None:
    world = make(speaks())
    await world.campaign(probes=15).run()
    await world.campaign().run()
    assert len(world.transport.requests) == 40


async def test_an_answer_that_was_cut_is_asked_again_with_a_larger_limit_only(make: MakeWorld) -> None:
    world = make(speaks(Words(finish_reason="length")))
    await world.campaign(probes=5).run()
    await world.campaign(probes=5).run()
    assert len(world.transport.requests) == 5
    await world.campaign(probes=5, max_tokens=128).run()
    assert len(world.transport.requests) == 10


async def test_questions_go_to_all_endpoints_in_turn(make: MakeWorld) -> None:
    world = make(speaks(), endpoints=2)
    await world.campaign(probes=10).run()
    hosts = [request.header(b"host") for request in world.transport.requests]
    assert hosts.count(b"small-0:8000") == hosts.count(b"small-1:8000") == 5


async def test_a_busy_server_is_asked_again_when_it_says(make: MakeWorld) -> None:
    world = make(speaks())
    world.transport.plan.queue(fails(429, retry_after="7"), fails(500), fails(503))
    await world.campaign(concurrency=1, probes=2).run()
    assert world.pauses == [7.0, 2.0, 4.0]
    assert len(world.file.answers) == 2


@pytest.mark.parametrize(
    ("behaviour", "requests", "said"),
    [
        (always(Unreachable()), MAX_TRIES, "Is the server running, and the endpoint's url right?"),
        (breaks_before(End.CLOSE), MAX_TRIES, "Is the server running"),
        (fails(401), 1, "answered 401: scripted 401. Mend the endpoint's api_key"),
        (fails(404), 1, "Mend the tier's model in the policy"),
        (fails(429), MAX_TRIES, "Ask fewer at once with --concurrency, or later: what was answered is kept"),
        (fails(400), FAILED_IN_A_ROW, "does not take such requests"),
        (fails(500), FAILED_IN_A_ROW * MAX_TRIES, "Look at the server's log"),
    ],
)
async def test_trouble_that_stays_ends_the_run_with_what_to_do(
    make: MakeWorld, behaviour: Behaviour, requests: int, said: str
) -> None:
    world = make(behaviour)
    told = await world.stopped(world.campaign(concurrency=1))
    assert "http://small-0:8000/v1: " in told
    assert said in told
    assert len(world.transport.requests) == requests
    assert not world.file.answers


async def test_one_probe_that_a_server_breaks_on_is_passed_over(make: MakeWorld) -> None:
    world = make(speaks())
    world.transport.plan.queue(*[fails(400)] * (FAILED_IN_A_ROW - 1), speaks(), fails(400))
    campaign = world.campaign(concurrency=1)
    await campaign.run()
    assert campaign.passed_over == FAILED_IN_A_ROW
    assert len(campaign.answered) == 40 - FAILED_IN_A_ROW
    assert campaign.last_fault == "answered 400: scripted 400"


async def test_a_server_with_other_manners_is_asked_as_it_wants(make: MakeWorld) -> None:
    def picky(request: SeenRequest) -> Script:
        for name, instead in (("max_tokens", "use max_completion_tokens"), ("temperature", "no temperature here")):
            if name in request.json:
                return json_reply(400, error_body(instead, "invalid_request_error", None))
        return speaks()(request)

    world = make(picky)
    await world.campaign(concurrency=1, probes=5).run()
    assert len(world.transport.requests) == 7
    assert world.pauses == []


async def test_empty_answers_one_after_the_other_end_the_run(make: MakeWorld) -> None:
    empty = always(json_reply(200, chat_answer(Words(pieces=("<think>so much to", " consider")))))
    world = make(empty)
    told = await world.stopped(world.campaign(concurrency=1))
    assert f"the last {EMPTY_IN_A_ROW} answers were empty" in told
    assert "--max-tokens" in told
    assert len(world.file.answers) == EMPTY_IN_A_ROW


async def test_no_question_is_asked_whose_answer_the_budget_might_not_pay(make: MakeWorld) -> None:
    world = make(speaks())
    # An answer may cost 64 tokens, 64,000 nano-USD, and costs 5.
    campaign = world.campaign(concurrency=1, budget_usd_nano=64_000 + 3 * 5_000)
    await campaign.run()
    assert campaign.ended is Ended.BUDGET
    assert len(world.transport.requests) == 4
    assert campaign.spent_usd_nano <= 64_000 + 3 * 5_000


async def test_the_budget_counts_what_is_under_way(make: MakeWorld) -> None:
    world = make(speaks())
    campaign = world.campaign(concurrency=4, budget_usd_nano=2 * 64_000)
    await campaign.run()
    assert campaign.spent_usd_nano <= 2 * 64_000
    assert len(world.transport.requests) >= 2


async def test_what_is_cancelled_keeps_what_was_answered(make: MakeWorld) -> None:
    world = make(stalls_before())
    world.transport.plan.queue(*[speaks()] * 6)
    task = asyncio.create_task(world.campaign(concurrency=2).run())
    await eventually(lambda: len(world.transport.requests) == 8)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(world.file.answers) == 6


async def test_answers_of_other_probes_count_for_nothing(make: MakeWorld) -> None:
    world = make(speaks())
    world.file.add(KeptAnswer("stranger", "x", 1_000_000, 1_000_000, 64))
    campaign = world.campaign(probes=3)
    assert campaign.answered == {}
    assert campaign.spent_usd_nano == 0
