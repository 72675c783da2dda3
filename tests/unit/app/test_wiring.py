"""The composition root: settings and a policy in, a service out."""

import re
from collections.abc import Callable
from pathlib import Path
from shutil import rmtree
from typing import Any

import httpx
import pytest

from gateway.app.serve import Service
from gateway.app.settings import CannotStart, read_settings
from gateway.app.wiring import make_service, report_fault
from gateway.domain.ids import RequestId
from tests.support.artefacts import write_variant
from tests.support.fault_server import FaultServer
from tests.support.services import running, settings, write_policy
from tests.support.waiting import answered, eventually


def make(policy: Path | str = "policies/default.yaml") -> Service:
    return make_service(settings(policy))


async def test_the_default_policy_is_served_from_memory() -> None:
    service = make()
    assert service.is_open
    assert service.limits_of().body_bytes == 8 * 1024 * 1024
    async with running(service.app) as client:
        models = (await client.get("/v1/models")).json()
        assert [model["id"] for model in models["data"]] == ["auto", "small", "large"]
        metrics = (await client.get("/metrics")).text
    for name in ("tiergate_requests_in_flight", "tiergate_policy_reloads_total"):
        assert name in metrics


async def test_a_worker_marks_its_metrics_with_its_number() -> None:
    async with running(make_service(settings("policies/default.yaml"), 2).app) as client:
        assert set(re.findall(r'worker="([^"]*)"', (await client.get("/metrics")).text)) == {"2"}


async def test_a_request_goes_through_to_a_model_server_and_is_counted(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    async with FaultServer() as server:
        write_policy(path, server.origin)
        async with running(make(path).app) as client:
            body = {"model": "auto", "messages": [{"role": "user", "content": "hi"}]}
            answer = await client.post("/v1/chat/completions", json=body)
            assert answer.status_code == 200
            assert answer.headers["x-tiergate-tier"] == "only"
            receipt = (await client.get("/v1/receipts/" + answer.headers["x-tiergate-request-id"])).json()
            assert receipt["outcome"] == "success_upstream"
            assert 'outcome="success_upstream"' in (await client.get("/metrics")).text


async def test_the_shipped_verifier_gives_the_kept_answer_to_other_words_and_not_to_another_question(
    tmp_path: Path,
) -> None:
    path, first = tmp_path / "p.yaml", "How can I learn guitar fast?"
    async with FaultServer() as server:
        write_policy(path, server.origin, route="{cache: {semantic: {max_wrong: 20%, shadow: 0.1%}}}")
        async with running(make(path).app) as client:

            async def ask(question: str) -> httpx.Response:
                body = {"model": "auto", "messages": [{"role": "user", "content": question}], "temperature": 0}
                return await client.post("/v1/chat/completions", json=body)

            assert (await ask(first)).headers["x-tiergate-cache"] == "miss"
            again = await ask("How do I learn guitar fast?")
            assert again.headers["x-tiergate-cache"] == "semantic"
            assert again.headers["x-tiergate-cache-entry"]
            other = await ask("How do I not learn guitar fast?")
            assert other.headers["x-tiergate-cache"] == "miss"
            receipt = (await client.get("/v1/receipts/" + other.headers["x-tiergate-request-id"])).json()
            assert receipt["semantic"]["end"] == "refused"
            assert 'tiergate_semantic_requests_total{end="hit",bar=""' in (await client.get("/metrics")).text


async def told_once(client: httpx.AsyncClient, ready: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Return what is told of the policy, once it is as awaited."""

    async def ask() -> dict[str, Any]:
        told: dict[str, Any] = (await client.get("/admin/policy")).json()
        return told

    return await answered(ask, ready)


async def test_an_edit_of_the_policy_is_taken_and_a_bad_one_is_told_and_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    write_policy(path, "http://127.0.0.1:1")
    async with running(make(path).app) as client:
        first = await told_once(client, lambda told: True)
        write_policy(path, "http://127.0.0.1:2")
        second = await told_once(client, lambda told: told["snapshot"] != first["snapshot"])
        path.write_text("version: 2\n")
        third = await told_once(client, lambda told: bool(told["problems"]))
        assert third["snapshot"] == second["snapshot"]
        assert third["reloads"] == {"accepted": 1, "refused": 1}


async def test_a_new_difficulty_model_is_taken_without_a_restart_and_a_bad_one_is_told(tmp_path: Path) -> None:
    path, folder = tmp_path / "p.yaml", write_variant(tmp_path / "model", "one")
    write_policy(path, "http://127.0.0.1:1")
    async with running(make_service(settings(path, artefacts=folder)).app) as client:
        first = await told_once(client, lambda told: told["artefact"]["version"] == "one")
        write_variant(folder, "two", shift=0.1)
        second = await told_once(client, lambda told: told["artefact"]["version"] == "two")
        assert second["snapshot"] != first["snapshot"]
        assert second["artefact"]["reloads"]["accepted"] == 1
        (folder / "folded.npz").write_bytes(b"broken")
        third = await told_once(client, lambda told: told["artefact"]["problem"] is not None)
        assert (third["snapshot"], third["artefact"]["version"]) == (second["snapshot"], "two")
        assert 'tiergate_artefact_reloads_total{result="refused"' in (await client.get("/metrics")).text


async def test_a_policy_file_that_disappears_is_logged_and_the_policy_stays(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "p.yaml"
    write_policy(path, "http://127.0.0.1:1")
    async with running(make(path).app) as client:
        path.unlink()
        await eventually(lambda: "the policy in force stays" in caplog.text, within_s=10.0)
        assert (await client.get("/v1/models")).status_code == 200


@pytest.mark.parametrize(("where", "counts"), [("stdout", (1, 0)), ("stderr", (0, 1)), ("off", (0, 0))])
async def test_requests_are_logged_where_the_settings_say(
    where: str, counts: tuple[int, int], capfd: pytest.CaptureFixture[str]
) -> None:
    async with running(make_service(settings(request_log=where)).app) as client:
        assert (await client.post("/v1/chat/completions", json={"model": "auto"})).status_code == 400
    outputs = capfd.readouterr()
    assert tuple(text.count('"event":"request"') for text in (outputs.out, outputs.err)) == counts


async def test_a_watch_that_fails_is_logged_at_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "gone" / "p.yaml"
    path.parent.mkdir()
    write_policy(path, "http://127.0.0.1:1")
    service = make(path)
    rmtree(path.parent)
    async with running(service.app) as client:
        await eventually(lambda: "edits of the policy are not seen until a restart" in caplog.text)
        assert (await client.get("/v1/models")).status_code == 200


def test_a_fault_of_ours_is_logged_with_the_request_and_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    report_fault(RequestId("req_7"), ZeroDivisionError("ours"))
    (record,) = caplog.records
    assert "req_7" in record.message
    assert record.exc_info is not None


def test_without_its_policy_the_gateway_does_not_start_and_says_how_to_name_one(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match=r"none\.yaml.* cannot be read"):
        make(tmp_path / "none.yaml")


def test_without_a_difficulty_model_the_gateway_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match="The difficulty model cannot be used"):
        make_service(settings(artefacts=tmp_path))


def test_without_a_cache_secret_a_worker_does_not_start() -> None:
    with pytest.raises(CannotStart, match="cache secret"):
        make_service(read_settings({}, {"policy": "policies/default.yaml"}))
