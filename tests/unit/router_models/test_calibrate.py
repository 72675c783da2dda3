"""The sample that expectations are computed on."""

import numpy as np

from router_models.calibrate import stratified_sample


def test_the_sample_takes_as_many_of_every_data_set_as_it_has() -> None:
    datasets = ["large"] * 1_000 + ["middle"] * 100 + ["small"] * 10
    valid = np.ones(1_110, bool)
    valid[:100] = False
    sample = stratified_sample(datasets, valid, 210, seed=0)
    drawn = [datasets[at] for at in sample]
    assert {name: drawn.count(name) for name in set(drawn)} == {"large": 100, "middle": 100, "small": 10}
    assert valid[sample].all()
    assert np.array_equal(sample, stratified_sample(datasets, valid, 210, seed=0))


def test_a_sample_larger_than_the_pool_is_the_pool() -> None:
    assert len(stratified_sample(["a", "b", "b"], np.ones(3, bool), 50, seed=0)) == 3
