import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from gateway.domain.ability import Ability
from gateway.domain.calibration import Catalogue
from gateway.domain.money import Price
from gateway.domain.tier import Secret
from gateway.policy.compile import compile_policy
from gateway.policy.reference import COMMAND, json_schema, reference, write_reference
from gateway.policy.schema import Policy
from gateway.policy.source import PolicySource
from tests.unit.policy.worlds import FakePrices, even_dial

ROOT = Path(__file__).parents[3]
POLICIES = sorted((ROOT / "policies").rglob("*.yaml"))


def test_the_committed_schema_and_reference_are_those_of_the_types(tmp_path: Path) -> None:
    for written in write_reference(tmp_path):
        committed = ROOT / "policies" / written.name
        assert committed.read_text("utf-8") == written.read_text("utf-8"), f"{committed.name} is stale: run `{COMMAND}`"


def test_making_them_twice_gives_the_same() -> None:
    assert (json_schema(), reference()) == (json_schema(), reference())


def _models(model: type[BaseModel], seen: set[type[BaseModel]]) -> Iterator[type[BaseModel]]:
    if model in seen:
        return
    seen.add(model)
    yield model
    for field in model.model_fields.values():
        for inner in _inside(field.annotation):
            yield from _models(inner, seen)


def _inside(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in getattr(annotation, "__args__", ()):
        yield from _inside(part)


def test_every_field_has_a_sentence_and_stands_in_the_reference() -> None:
    text = reference()
    for model in _models(Policy, set()):
        assert (model.__doc__ or "").endswith(".")
        for name, field in model.model_fields.items():
            assert re.fullmatch(r"[A-Z`].*[^.]\.", field.description or ""), f"{model.__name__}.{name}"
            assert f"| `{name}` |" in text


def test_every_key_of_the_reference_is_a_field() -> None:
    known = {name for model in _models(Policy, set()) for name in model.model_fields}
    assert set(re.findall(r"^\| `(\w+)` \|", reference(), re.MULTILINE)) == known


def test_the_schema_is_closed_and_free_of_our_own_keywords() -> None:
    schema = json.loads(json_schema())
    assert all(node["additionalProperties"] is False for node in (schema, *schema["$defs"].values()))
    assert "x-expected" not in json_schema()


class AnyPrice(FakePrices):
    """A price for each hosted model of the examples."""

    def find(self, model: str, provider: str | None) -> Price | None:
        return {"gpt-4o-mini": Price(150_000, 75_000, 600_000), "gpt-4o": Price(2_500_000, 1_250_000, 10_000_000)}[
            model
        ]


def _shipped_references() -> Catalogue:
    """Return a catalogue with the names of the reference models that are shipped."""
    names = json.loads((ROOT / "router_models" / "references.json").read_text("utf-8"))
    return Catalogue({name: Ability(name, 0.0, (1.0,), 0.1, 0.5, ()) for name in names}, {}, {}, (), "")


@pytest.mark.parametrize("path", POLICIES, ids=lambda path: path.stem)
def test_every_policy_here_compiles_and_names_its_schema(path: Path) -> None:
    text = path.read_text("utf-8")
    outcome = compile_policy(
        PolicySource(path.name, text),
        catalogue=_shipped_references(),
        secrets=Secret,
        prices=AnyPrice(),
        choose_dial=even_dial,
    )
    assert not isinstance(outcome, list), "\n".join(map(str, outcome))
    schema = re.match(r"# yaml-language-server: \$schema=(\S+)\n", text)
    assert schema is not None
    assert (path.parent / schema[1]).resolve() == ROOT / "policies" / "policy.schema.json"


def test_the_default_policy_asks_for_no_secret_and_is_open() -> None:
    text = (ROOT / "policies" / "default.yaml").read_text("utf-8")
    assert "env:" not in text
    assert "tenants:" not in text
