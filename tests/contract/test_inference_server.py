"""What every way to a v2 inference server does: HTTP, gRPC, and the fake that stands for them in other tests."""

import asyncio
from dataclasses import replace

import pytest

from gateway.adapters.oip_model import EMBEDDING, FAMILIARITY, LATENT, InferenceServer, Tensor, look
from gateway.adapters.remote_trouble import BadAnswer, Misfit, Overloaded, Refused, RemoteTrouble, TooLate, Unreachable
from gateway.domain.ability import ClassifierOutcome
from gateway.domain.tier import Secret
from tests.support.inference_servers import (
    OURS,
    WIDTH,
    InferenceScript,
    Output,
    embedding_of,
    inference,
    latent_of,
)
from tests.support.waiting import eventually

any_server = pytest.mark.parametrize("kind", ["http", "binary", "grpc", "fake"])
real_server = pytest.mark.parametrize("kind", ["http", "binary", "grpc"])
IDS, MASK = [101, 7592, 102, 0], [1, 1, 1, 0]
PATIENT_S = 10.0


@any_server
async def test_an_answer_belongs_to_what_was_asked(kind: str) -> None:
    async with inference(kind, InferenceScript()) as served:
        server: InferenceServer = served.server
        of = served.script.served
        answers = await asyncio.gather(*(server.infer([n, *IDS], [1, *MASK], of, PATIENT_S) for n in range(20)))
        for n, rows in enumerate(answers):
            assert tuple(rows[LATENT]) == latent_of([n, *IDS], [1, *MASK])
            assert tuple(rows[EMBEDDING]) == embedding_of([n])
            assert {row.dtype.name for row in rows.values()} == {"float32"}
        assert sorted(asked.ids for asked in served.script.asked) == [[n, *IDS] for n in range(20)]
        assert served.script.asked[0].mask == [1, *MASK]


@any_server
async def test_the_model_is_described_as_it_is_served(kind: str) -> None:
    async with inference(kind, InferenceScript()) as served:
        assert await served.server.is_ready()
        assert await served.server.is_loaded()
        assert await served.server.served_model() == served.script.served


@any_server
async def test_a_server_that_still_loads_is_not_ready(kind: str) -> None:
    async with inference(kind, InferenceScript(is_ready=False)) as served:
        assert not await served.server.is_ready()


@any_server
async def test_the_version_and_the_key_go_with_the_question(kind: str) -> None:
    async with inference(kind, InferenceScript(key="k-1"), version="7", api_key=Secret("k-1")) as served:
        await served.server.infer(IDS, MASK, served.script.served, PATIENT_S)
        assert [(asked.version, asked.key) for asked in served.script.asked] == [("7", "k-1")]


@any_server
async def test_a_wrong_key_is_refused_and_never_told(kind: str) -> None:
    script = InferenceScript(key="k-1")
    async with inference(kind, script, api_key=Secret("k-wrong")) as served:
        for asking in (served.server.served_model(), served.server.infer(IDS, MASK, served.script.served, PATIENT_S)):
            with pytest.raises(Refused) as raised:
                await asking
            assert "k-wrong" not in str(raised.value)


@any_server
async def test_another_name_is_refused(kind: str) -> None:
    async with inference(kind, InferenceScript(), model="other") as served:
        with pytest.raises(Refused):
            await served.server.served_model()
        with pytest.raises(Misfit, match="'other'") as raised:
            await look(served.server, served.remote, WIDTH, PATIENT_S)
        assert served.remote.base_url in str(raised.value)
        assert "classifier: remote:" in str(raised.value)


@any_server
@pytest.mark.parametrize(
    ("trouble", "kind_of_trouble", "outcome"),
    [
        ("full", Overloaded, ClassifierOutcome.OVERLOAD),
        ("late", TooLate, ClassifierOutcome.TIMEOUT),
        ("refused", Refused, ClassifierOutcome.ERROR),
        ("broken", RemoteTrouble, ClassifierOutcome.ERROR),
    ],
)
async def test_what_goes_wrong_is_told_by_its_kind(
    kind: str, trouble: str, kind_of_trouble: type[RemoteTrouble], outcome: ClassifierOutcome
) -> None:
    async with inference(kind, InferenceScript(trouble=trouble)) as served:
        with pytest.raises(kind_of_trouble, match="scripted") as raised:
            await served.server.infer(IDS, MASK, served.script.served, PATIENT_S)
        assert raised.value.outcome is outcome


@real_server
async def test_being_throttled_is_an_overload(kind: str) -> None:
    async with inference(kind, InferenceScript(trouble="throttled")) as served:
        with pytest.raises(Overloaded):
            await served.server.infer(IDS, MASK, served.script.served, PATIENT_S)


@any_server
async def test_a_server_that_is_not_there_is_unreachable(kind: str) -> None:
    async with inference(kind, InferenceScript(), is_up=False) as served:
        for asking in (
            served.server.is_ready(),
            served.server.served_model(),
            served.server.infer(IDS, MASK, served.script.served, PATIENT_S),
        ):
            with pytest.raises(Unreachable) as raised:
                await asking
            assert raised.value.outcome is ClassifierOutcome.ERROR


@any_server
async def test_the_server_sees_a_caller_leave(kind: str) -> None:
    async with inference(kind, InferenceScript(trouble="stalls")) as served:
        asking = asyncio.create_task(served.server.infer(IDS, MASK, served.script.served, PATIENT_S))
        await eventually(lambda: served.script.asked)
        asking.cancel()
        await asyncio.wait([asking])
        await eventually(served.script.asked[0].gone.is_set)


@any_server
@pytest.mark.parametrize(
    "output",
    [
        Output("other", (1.0, 2.0, 3.0)),
        Output(LATENT, (1.0, 2.0, 3.0), datatype="FP64"),
        Output(LATENT, (1.0, 2.0, 3.0), shape=(1, 4)),
        Output(LATENT, (1.0, 2.0, 3.0), shape=(3,)),
        Output(LATENT, (1.0, 2.0, 3.0, 4.0), shape=(2, 2)),
        Output(LATENT, (1.0, 2.0, 3.0), shape=()),
        Output(LATENT, (1.0, float("nan"), 3.0)),
        Output(LATENT, (1.0, float("inf"), 3.0)),
    ],
)
async def test_an_answer_that_is_not_one_is_found_out(kind: str, output: Output) -> None:
    async with inference(kind, InferenceScript(changed={LATENT: output})) as served:
        with pytest.raises(BadAnswer):
            await served.server.infer(IDS, MASK, served.script.served, PATIENT_S)


@real_server
async def test_an_answer_beyond_all_measure_is_not_read(kind: str) -> None:
    script = InferenceScript(changed={LATENT: Output(LATENT, (0.5,) * 50_000)})
    async with inference(kind, script) as served:
        with pytest.raises(RemoteTrouble):
            await served.server.infer(IDS, MASK, served.script.served, PATIENT_S)


@real_server
async def test_what_a_server_says_is_told_short_and_in_one_line(kind: str) -> None:
    async with inference(kind, InferenceScript(trouble="broken", said="a\n\tb" + "c" * 1_000)) as served:
        with pytest.raises(BadAnswer) as raised:
            await served.server.infer(IDS, MASK, served.script.served, PATIENT_S)
        text = str(raised.value)
        assert "'a b" in text
        assert "\n" not in text
        assert len(text) < 300


@any_server
async def test_a_good_server_passes_the_look(kind: str) -> None:
    async with inference(kind, InferenceScript()) as served:
        assert await look(served.server, served.remote, WIDTH, PATIENT_S) == served.script.served
        assert len(served.script.asked) == 1


@any_server
async def test_a_server_that_answers_otherwise_than_it_describes_is_told_so(kind: str) -> None:
    script = InferenceScript(changed={LATENT: Output(LATENT, (1.0,)), EMBEDDING: Output(EMBEDDING, (1.0, 0.0))})
    async with inference(kind, script) as served:
        with pytest.raises(Misfit, match="1 numbers as `latent` where 3 belong; it answers with 2 numbers as `emb"):
            await look(served.server, served.remote, WIDTH, PATIENT_S)


@any_server
async def test_familiarity_is_asked_for_where_it_is_served(kind: str) -> None:
    tells = replace(OURS, outputs=(*OURS.outputs, Tensor(FAMILIARITY, "FP32", (-1, 1))))
    async with inference(kind, InferenceScript(served=tells)) as served:
        found = await look(served.server, served.remote, WIDTH, PATIENT_S)
        rows = await served.server.infer(IDS, MASK, found, PATIENT_S)
        assert rows[FAMILIARITY].tolist() == [0.75]


@any_server
async def test_another_shape_is_told_with_what_was_wanted(kind: str) -> None:
    outputs = (Tensor(LATENT, "FP32", (-1, 8)), Tensor(EMBEDDING, "FP32", (-1, 384)))
    async with inference(kind, InferenceScript(served=replace(OURS, outputs=outputs))) as served:
        with pytest.raises(Misfit, match=r"`latent` FP32 \[-1, 8\] should be `latent` FP32 \[-1, 3\]"):
            await look(served.server, served.remote, WIDTH, PATIENT_S)


@any_server
async def test_a_server_that_still_loads_cannot_be_judged(kind: str) -> None:
    for script, said in (
        (InferenceScript(is_ready=False), "not ready"),
        (InferenceScript(is_loaded=False), "not loaded the model"),
    ):
        async with inference(kind, script) as served:
            with pytest.raises(Unreachable, match=said):
                await look(served.server, served.remote, WIDTH, PATIENT_S)
