"""Fits are made once, and kept apart where anything would make them another."""

from pathlib import Path

import numpy as np

from router_models.fits import kept_at, place
from router_models.low_rank import Settings
from router_models.partitions import folds
from tests.support.routing_bench import SEED, a_bench


def test_a_kept_fit_says_what_the_router_says(tmp_path: Path) -> None:
    told: list[str] = []
    bench = a_bench(tmp_path, told.append)
    partition = next(folds(bench.outcomes, SEED))
    made, kept = bench.place(partition), bench.place(partition)
    assert [note.split(" ")[1] for note in told] == ["fit", "kept"]
    router = bench.fits.router(partition.training)
    rows = np.flatnonzero(partition.tested)
    for stage in router.stages:
        assert np.allclose(kept.chance(stage), router.chance(rows, stage), atol=1e-6)
        assert np.array_equal(kept.spreads[stage], made.spreads[stage])
    assert kept.best is router.best
    assert np.array_equal(place(router, rows).rows, kept.rows)


def test_other_settings_data_or_seeds_have_another_room(tmp_path: Path) -> None:
    plain = Settings()
    rooms = {
        kept_at(tmp_path, plain, 1, "a", True),
        kept_at(tmp_path, Settings(latent=3), 1, "a", True),
        kept_at(tmp_path, plain, 2, "a", True),
        kept_at(tmp_path, plain, 1, "b", True),
        kept_at(tmp_path, plain, 1, "a", False),
    }
    assert len(rooms) == 5
    assert kept_at(tmp_path, plain, 1, "a", True) in rooms
