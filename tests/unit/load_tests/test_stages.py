"""The price of the stages: every step really runs, and time is counted right."""

import io
from collections.abc import Generator

import numpy as np
import pytest
from rich.console import Console

from gateway.adapters.artefact import FoldedTable
from gateway.core.features import SCALAR_NAMES
from load_tests.bodies import BodyKind, request_body
from load_tests.stage_steps import BUDGETS_US, run_now, steps_of
from load_tests.stages import Priced, p50_us, price_steps, stages_table

LATENT = 4
ROW = np.array([0.1] * LATENT + [0.2, 1.0], dtype=np.float32).tobytes()
TABLE = FoldedTable(
    scorer="test",
    latent=LATENT,
    width=LATENT + 2,
    rows=dict.fromkeys((b"scheduler", b"rules", b"which", b"jobs", b"of", b"these", b"two", b"are", b"equal"), ROW),
    scalar_weights=np.zeros((len(SCALAR_NAMES), LATENT), dtype=np.float32),
    offset=np.zeros(LATENT, dtype=np.float32),
)


@pytest.mark.parametrize("size_bytes", [2_000, 50_000])
def test_every_step_runs_and_every_stage_has_one(size_bytes: int) -> None:
    steps = list(steps_of(request_body(BodyKind(size_bytes=size_bytes, unique=False)), TABLE))
    for step in steps:
        step.call()
    assert list(dict.fromkeys(step.stage for step in steps)) == list(BUDGETS_US)


def test_a_price_is_the_median_of_the_batches() -> None:
    now_s = 0.0

    def call() -> None:
        nonlocal now_s
        now_s += 0.001

    assert p50_us(call, seconds=0.1, now_s=lambda: now_s) == pytest.approx(1_000.0)


def test_quick_calls_are_timed_in_batches() -> None:
    calls, readings = 0, 0

    def call() -> None:
        nonlocal calls
        calls += 1

    def now_s() -> float:
        nonlocal readings
        readings += 1
        return calls * 1e-6

    assert p50_us(call, seconds=0.0, now_s=now_s) == pytest.approx(1.0)
    assert calls > 50 * readings


def test_steps_are_priced_for_each_size() -> None:
    priced = price_steps(TABLE, 0.0, lambda steps: steps)
    assert all(len(step.p50_us) == 3 and min(step.p50_us) > 0 for step in priced)


def test_the_table_shows_each_stages_sum_beside_its_budget() -> None:
    priced = [Priced(stage, f"{stage} {number}", (1.25, 1.0, 30.0)) for stage in BUDGETS_US for number in (1, 2)]
    written = io.StringIO()
    Console(width=120, file=written).print(stages_table(priced))
    lines = [line.split() for line in written.getvalue().splitlines()]
    assert ["canonicalise", "2", "1.25", "1.00", "30.00", "2.5", "20"] in lines
    assert ["sum", "22.5", "18.0", "540.0", "22.5", "156"] in lines


def test_a_coroutine_that_waits_cannot_be_timed() -> None:
    class Waits:
        def __await__(self) -> Generator[None, None, None]:
            yield

    async def wait() -> None:
        await Waits()

    with pytest.raises(RuntimeError, match="waits"):
        run_now(wait())
