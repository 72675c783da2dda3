"""Scorers elsewhere, as `tiergate doctor` finds them."""

import asyncio

from gateway.app.doctor import Level
from gateway.app.doctor_scorers import scorers
from tests.support.able_models import ARTEFACT
from tests.support.clocks import ManualClock
from tests.support.fault_server import FaultServer
from tests.support.networks import free_port
from tests.support.scripts import Script, SeenRequest
from tests.support.systemone import decider
from tests.unit.policy.worlds import MINIMAL, snapshot_of


def policy(url: str, model: str = "decider") -> str:
    """Name a System One server."""
    named = f"{{url: {url}, model: {model}, scale: {{slope: 1, offset: 0}}}}"
    return MINIMAL + f"classifier: {{deadline: 30ms, systemone: {named}}}\n"


async def found(text: str, clock: ManualClock | None = None) -> list[tuple[str, Level, str]]:
    """Return what is reported."""
    findings = await scorers(snapshot_of(text), ARTEFACT, clock or ManualClock())
    assert all(bool(finding.mend) is (finding.level is not Level.OK) for finding in findings)
    return [(finding.subject, finding.level, finding.what) for finding in findings]


async def test_a_policy_without_scorers_elsewhere_has_none_to_report() -> None:
    assert await found(MINIMAL) == []


async def test_a_server_that_answers_in_time_is_well() -> None:
    async with FaultServer() as server:
        server.plan.general = decider()
        told = f"{server.base_url} answers in 0 ms"
        assert await found(policy(server.base_url)) == [("System One scorer", Level.OK, told)]


async def test_a_server_that_is_slower_than_its_limit_is_told() -> None:
    clock = ManualClock()

    def slow(request: SeenRequest) -> Script:
        clock.advance(0.05)
        return decider()(request)

    async with FaultServer() as server:
        server.plan.general = slow
        ((_, level, what),) = await found(policy(server.base_url), clock)
    assert (level, what.partition(" answers ")[2]) == (Level.WARN, "in 50 ms, connection and all, and may take 30 ms")


async def test_a_server_that_is_not_there_or_serves_something_else_is_told() -> None:
    ((_, level, what),) = await found(policy(f"http://127.0.0.1:{free_port()}/v1"))
    assert level is Level.WARN
    assert "cannot be asked: ConnectError" in what
    async with FaultServer() as server:
        server.plan.general = decider()
        ((_, level, what),) = await found(policy(server.base_url, "chat"))
    assert level is Level.FAIL
    assert "This model is not a decision model" in what


async def test_a_remote_scorer_is_looked_at_too() -> None:
    remote = f"classifier: {{remote: {{url: 'http://127.0.0.1:{free_port()}', model: m}}}}\n"
    ((subject, level, _),) = await asyncio.wait_for(found(MINIMAL + remote), 10)
    assert (subject, level) == ("remote scorer", Level.WARN)
