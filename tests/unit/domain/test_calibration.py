"""The catalogue of reference models."""

import pytest

from gateway.domain.ability import Ability
from gateway.domain.calibration import Catalogue


def _ability(reference: str) -> Ability:
    return Ability(reference, 0.5, (1.0,), 0.1, 0.6, ("mmlu",))


@pytest.fixture
def catalogue() -> Catalogue:
    names = ("gpt-4o-mini", "gpt-4o", "llama-3.1-8b-instruct", "llama-3.1-70b-instruct", "claude-3-haiku")
    return Catalogue(
        references={name: _ability(name) for name in names},
        aliases={"gpt-4o-mini-2024-07-18": "gpt-4o-mini", "meta-llama-3.1-8b-instruct": "llama-3.1-8b-instruct"},
        expected_output_tokens=dict.fromkeys(names, 200),
        requests=(),
        digest="00",
    )


def test_a_reference_is_found_by_its_own_name(catalogue: Catalogue) -> None:
    found = catalogue.find("gpt-4o")
    assert found is not None
    assert found.reference == "gpt-4o"


@pytest.mark.parametrize("name", ["gpt-4o-mini-2024-07-18", "GPT-4o-mini", "openai/gpt-4o-mini", " gpt-4o-mini "])
def test_a_reference_is_found_by_alias_case_and_vendor(catalogue: Catalogue, name: str) -> None:
    found = catalogue.find(name)
    assert found is not None
    assert found.reference == "gpt-4o-mini"


def test_an_unknown_name_finds_nothing(catalogue: Catalogue) -> None:
    assert catalogue.find("gpt-5") is None


@pytest.mark.parametrize(
    ("typo", "meant"),
    [("gpt-4o-mni", "gpt-4o-mini"), ("llama-3.1-8b", "llama-3.1-8b-instruct"), ("Claude3-Haiku", "claude-3-haiku")],
)
def test_a_typo_is_answered_with_the_nearest_names(catalogue: Catalogue, typo: str, meant: str) -> None:
    assert meant in catalogue.nearest(typo)


def test_no_more_names_are_given_than_asked_for(catalogue: Catalogue) -> None:
    assert len(catalogue.nearest("gpt-4o", count=2)) == 2
    assert catalogue.nearest("zzzzzzzz") == []
