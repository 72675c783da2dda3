"""The encoder on another server: what becomes of a text when that server is late, full, gone, or another one."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial

import pytest

from gateway.adapters.encoder_model import Encoded
from gateway.adapters.oip_encoder import RemoteEncoder, RemoteLimits
from gateway.adapters.oip_model import FAMILIARITY, LATENT, TOKEN_STEP, VECTOR, Tensor
from gateway.domain.ability import ClassifierOutcome
from gateway.domain.remote_model import RemoteModel
from tests.support.clocks import ManualClock
from tests.support.inference_servers import (
    MODEL,
    OURS,
    WIDTH,
    FakeInference,
    InferenceScript,
    Output,
    inference,
    latent_of,
)
from tests.support.waiting import eventually

IDS = [101, 7592, 102]
IN_NO_TIME_S = 0.001
LONG_S = 30.0


@dataclass(slots=True)
class Stage:
    """The encoder under test, over a fake server."""

    encoder: RemoteEncoder
    fake: FakeInference
    script: InferenceScript
    clock: ManualClock
    notes: list[str] = field(default_factory=list)

    async def outcome(self) -> ClassifierOutcome | None:
        """Encode a text and return what went wrong, None for nothing."""
        found = await self.encoder.encode(IDS)
        return found if isinstance(found, ClassifierOutcome) else None

    async def is_taken_up(self) -> None:
        """Ask until the look in the background went well."""
        await self.outcome()
        await eventually(lambda: self.encoder.is_up)


@asynccontextmanager
async def stage(
    script: InferenceScript,
    *,
    is_fit: bool = True,
    limits: RemoteLimits | None = None,
    chance: float = 0.0,
    look_timeout_s: float = LONG_S,
) -> AsyncIterator[Stage]:
    """Make the encoder; close it at the end."""
    remote = RemoteModel("http://scripted:8000", "http", MODEL)
    fake, clock, notes = FakeInference(script, remote), ManualClock(), list[str]()
    encoder = RemoteEncoder(
        fake,
        remote,
        width=WIDTH,
        clock=clock,
        chance=lambda: chance,
        note=notes.append,
        limits=limits if limits is not None else RemoteLimits(deadline_s=LONG_S, look_timeout_s=look_timeout_s),
        served=OURS if is_fit else None,
    )
    try:
        yield Stage(encoder, fake, script, clock, notes)
    finally:
        await encoder.aclose()
        assert fake.is_closed


def away_s(note: str) -> float:
    """Return how long a note says the server is left alone."""
    found = re.search(r"not asked for ([\d.]+) s", note)
    assert found is not None
    return float(found[1])


def has_notes(s: Stage, count: int) -> bool:
    """Tell whether as many notes were made."""
    return len(s.notes) == count


async def test_an_answer_is_what_the_encoder_itself_would_have_said() -> None:
    async with stage(InferenceScript()) as s:
        encoded = await s.encoder.encode(IDS)
        assert encoded == Encoded(latent_of(IDS, [1, 1, 1]), bytes(101) + b"\x7f" + bytes(384 - 102), None)


async def test_familiarity_is_taken_where_the_server_tells_it() -> None:
    tells = replace(OURS, outputs=(*OURS.outputs, Tensor(FAMILIARITY, "FP32", (-1, 1))))
    async with stage(InferenceScript(served=tells), is_fit=False) as s:
        await s.is_taken_up()
        encoded = await s.encoder.encode(IDS)
        assert isinstance(encoded, Encoded)
        assert encoded.familiarity == 0.75


async def test_the_place_among_other_texts_is_taken_where_the_server_tells_it() -> None:
    tells = replace(OURS, outputs=(*OURS.outputs, Tensor(VECTOR, "FP32", (-1, 2))))
    async with stage(InferenceScript(served=tells), is_fit=False) as s:
        await s.is_taken_up()
        encoded = await s.encoder.encode(IDS)
        assert isinstance(encoded, Encoded)
        assert (encoded.vector, encoded.familiarity) == (bytes((76, 256 - 102)), None)


async def test_texts_are_filled_up_to_a_length_that_others_have_too() -> None:
    async with stage(InferenceScript()) as s:
        await s.outcome()
        (asked,) = s.script.asked
        assert asked.ids == [*IDS, *[0] * (TOKEN_STEP - 3)]
        assert asked.mask == [1, 1, 1, *[0] * (TOKEN_STEP - 3)]


@pytest.mark.parametrize(
    ("trouble", "outcome"),
    [
        ("full", ClassifierOutcome.OVERLOAD),
        ("late", ClassifierOutcome.TIMEOUT),
        ("broken", ClassifierOutcome.ERROR),
        ("refused", ClassifierOutcome.ERROR),
    ],
)
async def test_what_goes_wrong_is_the_outcome(trouble: str, outcome: ClassifierOutcome) -> None:
    async with stage(InferenceScript(trouble=trouble)) as s:
        assert await s.encoder.encode(IDS) is outcome


async def test_an_answer_after_the_deadline_is_a_timeout() -> None:
    async with stage(InferenceScript(trouble="stalls"), limits=RemoteLimits(IN_NO_TIME_S)) as s:
        assert await s.outcome() is ClassifierOutcome.TIMEOUT
        assert s.script.asked[0].gone.is_set()


async def test_another_width_is_an_error() -> None:
    async with stage(InferenceScript(changed={LATENT: Output(LATENT, (1.0, 2.0))})) as s:
        assert await s.outcome() is ClassifierOutcome.ERROR


async def test_more_than_may_be_under_way_are_an_overload_at_once() -> None:
    async with stage(InferenceScript(trouble="stalls"), limits=RemoteLimits(LONG_S, in_flight=2)) as s:
        waiting = [asyncio.create_task(s.outcome()) for _ in range(2)]
        await eventually(lambda: len(s.script.asked) == 2)
        assert await s.outcome() is ClassifierOutcome.OVERLOAD
        for task in waiting:
            task.cancel()
        await asyncio.wait(waiting)
        s.script.trouble = None
        assert await s.outcome() is None


async def test_a_server_that_is_down_is_not_asked_and_is_taken_up_again() -> None:
    async with stage(InferenceScript()) as s:
        s.fake.is_reachable = False
        for _ in range(3):
            assert await s.outcome() is ClassifierOutcome.ERROR
        assert not s.encoder.is_up
        s.fake.is_reachable = True
        for _ in range(50):
            assert await s.outcome() is ClassifierOutcome.ERROR
        assert s.script.asked == []
        s.clock.advance(1.0)
        await s.is_taken_up()
        assert await s.outcome() is None
        assert [note.split(": ")[0] for note in s.notes] == [
            "the remote scorer at http://scripted:8000 is not asked for 1.0 s",
            "the remote scorer at http://scripted:8000 is asked again",
        ]


async def test_now_and_then_a_failure_does_not_close_the_way() -> None:
    async with stage(InferenceScript()) as s:
        for _ in range(20):
            for trouble in ("broken", "broken", None):
                s.script.trouble = trouble
                await s.outcome()
        assert s.encoder.is_up
        assert s.notes == []


async def test_one_look_at_a_time_and_nobody_waits_for_it() -> None:
    async with stage(InferenceScript(trouble="stalls"), is_fit=False) as s:
        assert await s.outcome() is ClassifierOutcome.ERROR
        await eventually(lambda: s.script.asked)
        for _ in range(10):
            assert await s.outcome() is ClassifierOutcome.ERROR
        assert len(s.script.asked) == 1


async def test_a_look_that_is_not_answered_ends_and_counts() -> None:
    async with stage(InferenceScript(trouble="stalls"), is_fit=False, look_timeout_s=IN_NO_TIME_S) as s:
        await s.outcome()
        await eventually(lambda: s.notes)
        assert "no answer within" in s.notes[0]
        assert s.script.asked[0].gone.is_set()


async def test_pauses_grow_to_their_limit_while_looks_fail() -> None:
    async with stage(InferenceScript(), is_fit=False, chance=1.0) as s:
        s.fake.is_reachable = False
        for number in range(8):
            await s.outcome()
            await eventually(partial(has_notes, s, number + 1))
            s.clock.advance(30.0)
        assert [away_s(note) for note in s.notes] == [1.0, 1.0, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0]
        assert all("nobody there" in note for note in s.notes)


async def test_a_server_that_is_always_late_is_tried_ever_more_rarely() -> None:
    async with stage(InferenceScript(trouble="late"), chance=1.0) as s:
        for _ in range(4):
            while s.encoder.is_up:
                await s.outcome()
            s.script.trouble = None
            s.clock.advance(30.0)
            await s.is_taken_up()
            s.script.trouble = "late"
        assert [away_s(note) for note in s.notes if "not asked" in note] == [1.0, 2.0, 4.0, 8.0]


async def test_an_answer_in_time_makes_the_pauses_short_again() -> None:
    async with stage(InferenceScript(), chance=1.0) as s:
        for _ in range(4):
            s.script.trouble = "late"
            while s.encoder.is_up:
                await s.outcome()
            s.script.trouble = None
            s.clock.advance(30.0)
            await s.is_taken_up()
            assert await s.outcome() is None
        assert [away_s(note) for note in s.notes if "not asked" in note] == [1.0] * 4


async def test_a_full_server_is_told_as_overloaded_while_it_is_left_alone() -> None:
    async with stage(InferenceScript(trouble="full")) as s:
        for _ in range(3):
            await s.outcome()
        assert not s.encoder.is_up
        assert await s.outcome() is ClassifierOutcome.OVERLOAD


async def test_a_server_that_came_back_with_another_model_scores_nothing() -> None:
    async with stage(InferenceScript(), is_fit=False) as s:
        outputs = (Tensor(LATENT, "FP32", (-1, 99)), s.script.served.outputs[1])
        s.script.served = replace(OURS, outputs=outputs)
        await s.outcome()
        await eventually(lambda: s.notes)
        assert "should be `latent` FP32 [-1, 3]" in s.notes[0]
        assert not s.encoder.is_up


async def test_requests_under_way_when_the_server_went_down_count_once() -> None:
    async with stage(InferenceScript(trouble="stalls"), limits=RemoteLimits(IN_NO_TIME_S)) as s:
        outcomes = await asyncio.gather(*(s.outcome() for _ in range(40)))
        assert set(outcomes) == {ClassifierOutcome.TIMEOUT}
        assert len(s.notes) == 1


@pytest.mark.parametrize("kind", ["http", "grpc"])
async def test_a_flood_gets_an_outcome_each(kind: str) -> None:
    async with inference(kind, InferenceScript()) as served:
        encoder = RemoteEncoder(
            served.server,
            served.remote,
            width=WIDTH,
            clock=ManualClock(),
            chance=lambda: 0.0,
            note=lambda text: None,
            limits=RemoteLimits(LONG_S, in_flight=32),
            served=OURS,
        )
        found = await asyncio.gather(*(encoder.encode(IDS) for _ in range(300)))
        assert found.count(ClassifierOutcome.OVERLOAD) == 268
        assert sum(isinstance(each, Encoded) for each in found) == 32
