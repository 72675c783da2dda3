import httpx
import pytest

from gateway.app.doctor import Finding, Level
from gateway.app.doctor_network import endpoints, is_tiergate, judge_redis, read_server_facts, redis, served_models
from gateway.app.settings import read_settings
from tests.support.clocks import ManualClock
from tests.unit.policy.worlds import MINIMAL, snapshot_of

TWO = MINIMAL.replace('[{url: "http://localhost:8000/v1"}]', '[{url: "http://a:1/v1"}, {url: "http://b:2/v1"}]')
KEYED = MINIMAL.replace('{url: "http://localhost:8000/v1"}', '{url: "http://a:1/v1", api_key: env:UPSTREAM_KEY}')


async def looked_at(text: str, *answers: httpx.Response | httpx.ConnectError) -> list[Finding]:
    """Examine a policy's servers, each of which gives its answer."""
    left = dict(enumerate(answers))

    def answer(request: httpx.Request) -> httpx.Response:
        assert request.url.path == "/v1/models"
        found = left[{"a": 0, "b": 1}.get(request.url.host, 0)]
        if isinstance(found, httpx.ConnectError):
            raise found
        return found

    return await endpoints(snapshot_of(text), ManualClock(), httpx.MockTransport(answer))


def models(*names: str) -> httpx.Response:
    return httpx.Response(200, json={"data": [{"id": name} for name in names]})


async def test_a_server_that_serves_the_model_is_well() -> None:
    (finding,) = await looked_at(MINIMAL, models("m", "n"))
    assert finding.level is Level.OK
    assert finding.what.endswith("serves m")


async def test_a_server_that_serves_another_model_is_warned_of() -> None:
    (finding,) = await looked_at(MINIMAL, models("other"))
    assert finding.level is Level.WARN
    assert "lists other, not m" in finding.what
    assert finding.mend == "set tiers.only.model to what the server serves"


async def test_a_server_without_a_list_of_models_is_only_told_to_answer() -> None:
    (finding,) = await looked_at(MINIMAL, httpx.Response(404))
    assert finding.level is Level.OK
    assert "does not list its models (404)" in finding.what
    (strange,) = await looked_at(MINIMAL, httpx.Response(200, content=b"<html>"))
    assert strange.what.endswith("ms")


async def test_a_refused_key_is_a_failure_that_does_not_show_it() -> None:
    (finding,) = await looked_at(KEYED, httpx.Response(401))
    assert finding.level is Level.FAIL
    assert "refuses the key (401)" in finding.what
    assert "sk-" not in str(finding)


async def test_one_server_down_of_two_is_a_warning_both_are_a_failure() -> None:
    down = httpx.ConnectError("refused")
    assert [each.level for each in await looked_at(TWO, down, models("m"))] == [Level.WARN, Level.OK]
    assert [each.level for each in await looked_at(TWO, down, httpx.ConnectError(""))] == [Level.FAIL, Level.FAIL]


@pytest.mark.parametrize("raw", [b"[]", b"{", b'{"data": 1}', b'{"data": [1, {"x": 2}]}'])
def test_what_is_no_list_of_models_names_none(raw: bytes) -> None:
    assert served_models(raw) == []


@pytest.mark.parametrize(
    ("told", "level", "what"),
    [
        ({"redis_version": "7.2.4", "role": "master"}, Level.OK, "Redis 7.2.4"),
        ({"redis_version": "7.2.4", "valkey_version": "9.1.2"}, Level.OK, "Valkey 9.1.2"),
        ({"redis_version": "6.0.16"}, Level.FAIL, "too old"),
        ({"redis_version": "7.2.4", "role": "slave"}, Level.FAIL, "a replica"),
        ({"redis_version": "7.2.4", "cluster_enabled": "0"}, Level.OK, "Redis 7.2.4"),
        ({"redis_version": "7.2.4", "cluster_enabled": "1"}, Level.FAIL, "one server of a cluster"),
        ({}, Level.OK, "of unknown version"),
    ],
)
def test_a_server_is_judged_by_its_version_and_role(told: dict[str, str], level: Level, what: str) -> None:
    finding = judge_redis(told, "round trip 0.10 ms", as_cluster=False)
    assert finding.level is level
    assert what in finding.what


def test_a_cluster_is_judged_by_whether_it_is_one() -> None:
    told = {"redis_version": "7.2.4", "cluster_enabled": "1"}
    assert judge_redis(told, "", as_cluster=True).level is Level.OK
    finding = judge_redis({**told, "cluster_enabled": "0"}, "", as_cluster=True)
    assert (finding.level, finding.mend) == (Level.FAIL, "name it redis://host:port")
    assert judge_redis({}, "", as_cluster=True).level is Level.OK


def test_what_a_server_tells_of_itself_is_read() -> None:
    assert read_server_facts(b"# Server\r\nredis_version:7.2.4\r\n\r\nrole:master\r\n") == {
        "redis_version": "7.2.4",
        "role": "master",
    }
    assert read_server_facts(None) == {}


async def test_without_redis_several_workers_are_warned_of() -> None:
    alone = await redis(read_settings({}, {}), ManualClock())
    assert alone.level is Level.OK
    several = await redis(read_settings({}, {"workers": 4}), ManualClock())
    assert several.level is Level.WARN
    assert "each of 4 workers" in several.what


async def test_a_url_that_cannot_be_used_or_a_server_that_is_not_there_is_a_failure() -> None:
    for url, what in (("redis+sentinel://host:1/", "cannot be used"), ("redis://:secret@127.0.0.1:1/0", "127.0.0.1:1")):
        finding = await redis(read_settings({}, {"redis_url": url}), ManualClock())
        assert finding.level is Level.FAIL
        assert what in finding.what
        assert "secret" not in finding.what


@pytest.mark.parametrize(
    ("answer", "ours"),
    [
        (httpx.Response(200, content=b'{"status":"live"}'), True),
        (httpx.Response(200, content=b"It works!"), False),
        (httpx.Response(404), False),
        (httpx.ConnectError("refused"), False),
    ],
)
def test_a_running_tiergate_is_known_by_its_health(answer: httpx.Response | httpx.ConnectError, ours: bool) -> None:
    def respond(request: httpx.Request) -> httpx.Response:
        if isinstance(answer, httpx.ConnectError):
            raise answer
        assert str(request.url) == "http://[::1]:8080/health/live"
        return answer

    assert is_tiergate("::1", 8080, httpx.MockTransport(respond)) is ours
