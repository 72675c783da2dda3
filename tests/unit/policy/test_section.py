import pytest
from pydantic import ValidationError

from gateway.policy.section import Section, optional, required


class _Example(Section):
    """An example."""

    name: str = required("A name.")
    flag: bool = optional(False, "A flag.")


def test_a_required_field_has_no_default_and_both_have_a_sentence() -> None:
    fields = _Example.model_fields
    assert fields["name"].is_required()
    assert not fields["flag"].is_required()
    assert [field.description for field in fields.values()] == ["A name.", "A flag."]


def test_a_section_converts_nothing_and_knows_its_keys() -> None:
    for wrong in ({}, {"name": 1}, {"name": "a", "flag": 1}, {"name": "a", "other": 1}):
        with pytest.raises(ValidationError):
            _Example.model_validate(wrong)
