"""How a noun is declared: frozen for the type checker, cheap to make at run time."""

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

_Kind = TypeVar("_Kind")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def noun(kind: type[_Kind]) -> type[_Kind]:
    """Make a dataclass with slots, equality and a hash, to whose members the type checker lets nobody assign.

    A frozen dataclass sets each member through `object.__setattr__`: 0.1 µs each, on a path of some 150.
    """
    return dataclass(slots=True, unsafe_hash=True)(kind)
