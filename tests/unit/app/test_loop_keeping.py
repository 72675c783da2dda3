"""The loop's lag reaches the metrics and admission, and a stall the log."""

import asyncio
import logging
from contextlib import suppress
from dataclasses import replace

import pytest

from gateway.adapters.metrics import Metrics
from gateway.adapters.metrics_shape import WORKER_LABEL
from gateway.app.loop_keeping import LoopKeeping, report_stall
from gateway.domain.ids import KeyId, TenantId
from tests.support.gateways import Gateway
from tests.support.prometheus import read_series
from tests.support.waiting import eventually


def told(metrics: Metrics, name: str) -> float:
    """Return the value of a series without labels of its own."""
    series = read_series(metrics.render(), without=WORKER_LABEL)
    return sum(value for key, value in series.items() if key.partition("{")[0] == name)


async def test_the_lag_is_counted_and_who_waits_comes_in_when_there_is_room() -> None:
    world, metrics = Gateway().world, Metrics()
    limits = replace(world.policy.snapshot.limits, in_flight=1)
    for _ in range(2):
        place = world.admission.enter(KeyId("a"), TenantId("a"), 1.0, limits)
    let_in = asyncio.Event()
    place.wake = let_in.set
    keeping = LoopKeeping(world, metrics)
    assert told(metrics, "tiergate_requests_waiting") == 1
    running = asyncio.create_task(keeping.run())
    # The policy in force has room for both, which the next tick sees.
    await let_in.wait()
    await eventually(lambda: told(metrics, "tiergate_loop_stall_seconds_count") > 0)
    assert told(metrics, "tiergate_requests_waiting") == 0
    assert told(metrics, "tiergate_admission_limit") == world.policy.snapshot.limits.in_flight
    assert told(metrics, "tiergate_requests_shed_total") == 0
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


def test_a_stall_is_logged_with_its_length_its_task_and_its_frames(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="tiergate"):
        report_stall(0.25, "Task-7", "  File x, line 1, in f\n")
    assert "stood still for 250 ms, in Task-7; its thread is at\n  File x, line 1, in f" in caplog.text
