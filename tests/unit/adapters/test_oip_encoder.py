"""The encoder on another server: what is asked of it, and what its answers come to."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest

from gateway.adapters.encoder_model import Encoded
from gateway.adapters.oip_encoder import RemoteEncoder
from gateway.adapters.oip_model import FAMILIARITY, LATENT, TOKEN_STEP, VECTOR, Tensor
from gateway.adapters.remote_asking import RemoteLimits
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
    script: InferenceScript
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
) -> AsyncIterator[Stage]:
    """Make the encoder; close it at the end."""
    remote = RemoteModel("http://scripted:8000", "http", MODEL)
    fake, notes = FakeInference(script, remote), list[str]()
    encoder = RemoteEncoder(
        fake,
        remote,
        width=WIDTH,
        clock=ManualClock(),
        chance=lambda: 0.0,
        note=notes.append,
        limits=limits if limits is not None else RemoteLimits(deadline_s=LONG_S, look_timeout_s=LONG_S),
        served=OURS if is_fit else None,
    )
    try:
        yield Stage(encoder, script, notes)
    finally:
        await encoder.aclose()
        assert fake.is_closed


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


async def test_a_server_that_came_back_with_another_model_scores_nothing() -> None:
    async with stage(InferenceScript(), is_fit=False) as s:
        outputs = (Tensor(LATENT, "FP32", (-1, 99)), s.script.served.outputs[1])
        s.script.served = replace(OURS, outputs=outputs)
        await s.outcome()
        await eventually(lambda: s.notes)
        assert "should be `latent` FP32 [-1, 3]" in s.notes[0]
        assert not s.encoder.is_up


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
