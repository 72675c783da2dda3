"""The rule by which tiers are compared."""

from gateway.core.value import best, expected_cost_usd_nano, expected_output_tokens, strongest, value_of
from gateway.domain.request import Operation
from tests.support.tiers import a_request, a_tier, an_ability

TIER = a_tier("small", expected_output_tokens=100, input_usd_pico=50_000, output_usd_pico=200_000)


def test_the_expected_answer_is_the_models_average() -> None:
    assert expected_output_tokens(a_request(), TIER) == 100
    assert expected_output_tokens(a_request(max_output_tokens=4_000), TIER) == 100


def test_the_expected_answer_is_no_longer_than_was_asked_for() -> None:
    assert expected_output_tokens(a_request(max_output_tokens=10), TIER) == 10


def test_every_choice_is_an_answer() -> None:
    assert expected_output_tokens(a_request(choices=3), TIER) == 300
    assert expected_output_tokens(a_request(choices=3, max_output_tokens=10), TIER) == 30


def test_embeddings_have_no_output() -> None:
    assert expected_output_tokens(a_request(operation=Operation.EMBEDDINGS), TIER) == 0


def test_the_expected_cost_is_rounded_half_up_to_nano_dollars() -> None:
    assert expected_cost_usd_nano(TIER, 1_000, 100) == 70_000
    assert expected_cost_usd_nano(a_tier("t", input_usd_pico=500), 1, 0) == 1
    assert expected_cost_usd_nano(a_tier("t", input_usd_pico=499), 1, 0) == 0


def test_value_is_probability_less_dial_times_dollars() -> None:
    assert value_of(0.9, 2_000_000, 100.0) == 0.9 - 0.2


def test_a_dial_of_zero_takes_the_likeliest_whatever_it_costs() -> None:
    assert best([0.5, 0.9, 0.8], [1, 10**9, 2], 0.0) == 1


def test_a_bold_dial_takes_the_cheapest() -> None:
    assert best([0.5, 0.9], [1_000, 1_000_000], 1e6) == 0


def test_of_equal_values_the_cheaper_is_taken() -> None:
    assert best([0.5, 0.5, 0.5], [3, 1, 2], 0.0) == 1


def test_of_equals_in_everything_the_first_is_taken() -> None:
    assert best([0.5, 0.5], [1, 1], 7.0) == 0


def test_the_strongest_has_the_highest_mean_acceptance_not_the_highest_price() -> None:
    dear = a_tier("dear", output_usd_pico=10**9, ability=an_ability(prior=0.6))
    good = a_tier("good", output_usd_pico=10**6, ability=an_ability(prior=0.7))
    assert strongest([good, dear]) == 0
    assert strongest([dear, good]) == 1
    assert strongest([dear, dear]) == 0
