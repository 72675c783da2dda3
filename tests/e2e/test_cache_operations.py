"""The cache of real gateways that share a Redis: looked into, reported to and purged, by its commands."""

import asyncio
import json
from pathlib import Path

from typer.testing import CliRunner, Result

from gateway.app.cli_cache import app
from tests.support.cache_replicas import ONLY_KEPT, replicas, request
from tests.support.fault_process import FaultProcess


async def cache(*arguments: str, url: str) -> Result:
    """Run a command of `tiergate cache`."""
    return await asyncio.to_thread(CliRunner().invoke, app, [*arguments, "--url", url], catch_exceptions=False)


async def test_a_purge_reaches_every_gateway_and_nobody_else(fault_process: FaultProcess, tmp_path: Path) -> None:
    async with replicas(fault_process, tmp_path) as here:
        for at in range(2):
            for tenant in ("team", "guest"):
                await here.until(at, tenant, "first", "exact")
        counted = await cache("purge", "--tenant", "team", "--dry-run", "--json", url=here.origins[0])
        assert (json.loads(counted.stdout)["entries"], json.loads(counted.stdout)["dry_run"]) == (1, True)
        assert (await here.ask(1, "team", "first", **ONLY_KEPT)).status_code == 200
        purged = await cache("purge", "--tenant", "team", url=here.origins[0])
        assert purged.exit_code == 0
        assert "1 kept answers" in purged.stdout
        assert (await here.ask(0, "team", "first", **ONLY_KEPT)).status_code == 504, "at once where it was asked"
        await here.until_gone(1, "team", "first")
        for at in range(2):
            assert (await here.ask(at, "guest", "first", **ONLY_KEPT)).status_code == 200


async def test_an_answer_reported_at_one_gateway_is_given_by_none(fault_process: FaultProcess, tmp_path: Path) -> None:
    async with replicas(fault_process, tmp_path) as here:
        hit = await here.until(1, "team", "second", "exact")
        entry, age = hit.headers["x-tiergate-cache-entry"], hit.headers["x-tiergate-cache-age"]
        assert (len(entry), age.isdecimal()) == (64, True)
        report, url = {"entry": entry, "reason": "wrong"}, f"{here.origins[0]}/v1/cache/report"
        foreign = await here.client.post(url, json=report, headers={"authorization": "Bearer sk-guest"})
        assert foreign.status_code == 404
        told = [
            (await here.client.post(url, json=report, headers={"authorization": "Bearer sk-team"})).json()["outcome"]
            for _ in range(2)
        ]
        assert told == ["accepted", "repeated"]
        await here.until_gone(1, "team", "second")


async def test_the_cache_is_explained_and_its_savings_are_told(fault_process: FaultProcess, tmp_path: Path) -> None:
    async with replicas(fault_process, tmp_path, 1) as here:
        url, ask = here.origins[0], ("explain", "--tenant", "team", "--prompt", "third")
        before = await cache(*ask, url=url)
        assert (before.exit_code, "none was kept" in before.stdout) == (1, True)
        (tmp_path / "request.json").write_text(json.dumps(request("third")))
        hit = await here.until(0, "team", "third", "exact")
        after = await cache("explain", str(tmp_path / "request.json"), "--tenant", "team", "--json", url=url)
        told = json.loads(after.stdout)
        assert (after.exit_code, told["would_hit"]) == (0, True)
        assert told["entry"] == hit.headers["x-tiergate-cache-entry"]
        wrong = await cache("purge", "--tenant", "teem", url=url)
        assert (wrong.exit_code, "Did you mean `team`?" in wrong.stderr) == (1, True)
        stats = await cache("stats", "--tenant", "team", "--json", url=url)
        (row,) = json.loads(stats.stdout)["rows"]
        assert row["requests"]["exact"] >= 1
        assert row["saved_usd_nano"] > 0
        assert json.loads(stats.stdout)["held"]["by_route"] == {"all": 1}
        assert "connected" in (await cache("stats", url=url)).stdout


async def test_without_redis_a_purge_is_refused_and_requests_are_answered(
    fault_process: FaultProcess, tmp_path: Path
) -> None:
    async with replicas(fault_process, tmp_path, 1) as here:
        await here.until(0, "team", "fourth", "exact")
        here.redis.kill()
        refused = await cache("purge", "--tenant", "team", url=here.origins[0])
        assert refused.exit_code == 1
        assert "nobody knows whether it was purged" in refused.stderr
        for _ in range(20):
            assert (await here.ask(0, "team", "fourth")).status_code == 200
        # What it remembers it gives no longer, since it cannot know what others purge.
        await here.until_gone(0, "team", "fourth")
        here.redis.start()
        await here.until(0, "team", "fourth", "exact")
