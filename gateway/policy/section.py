"""What all parts of the file format have in common."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Section(BaseModel):
    """A mapping of the policy: unknown keys are refused, and nothing is converted but by its own type."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        validate_default=True,
        hide_input_in_errors=True,
    )


def required(description: str) -> Any:
    """Declare a field without a default."""
    return Field(description=description)


def optional(default: object, description: str) -> Any:
    """Declare a field with a default, written as in a policy: it goes through the field's own check."""
    return Field(default=default, description=description)
