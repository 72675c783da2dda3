"""What the file format allows at a path, looked up in the JSON Schema made from its types."""

from collections.abc import Iterator
from functools import cache
from typing import Any

from gateway.policy.problems import Path
from gateway.policy.schema import Policy

Schema = dict[str, Any]


@cache
def policy_schema() -> Schema:
    """Return the JSON Schema of the file format."""
    return Policy.model_json_schema()


def known_keys(path: Path) -> list[str]:
    """Return the keys that the mapping at `path` may have; empty where any name will do."""
    return list(dict.fromkeys(key for node in _nodes_at(path) for key in node.get("properties", ())))


def description(path: Path) -> str:
    """Return the sentence about the field at `path`, or nothing where there is none."""
    for node in _nodes_at(path[:-1]):
        field = node.get("properties", {}).get(path[-1])
        if field is not None:
            return str(field.get("description", ""))
    return ""


def _nodes_at(path: Path) -> Iterator[Schema]:
    nodes = list(_forms(policy_schema()))
    for part in path:
        nodes = [form for node in nodes for form in _children(node, part)]
    yield from nodes


def _children(node: Schema, part: str | int) -> Iterator[Schema]:
    if isinstance(part, int):
        inner = [node.get("items")]
    else:
        # Names are checked by their own type, so whatever stands behind a pattern is behind every name.
        inner = [node.get("properties", {}).get(part), *node.get("patternProperties", {}).values()]
    for schema in inner:
        if isinstance(schema, dict):
            yield from _forms(schema)


def _forms(node: Schema) -> Iterator[Schema]:
    """Yield the plain schemas that a schema stands for: behind its reference, and each of its alternatives."""
    if "$ref" in node:
        yield from _forms(policy_schema()["$defs"][str(node["$ref"]).rpartition("/")[2]])
        return
    yield node
    for alternative in (*node.get("anyOf", ()), *node.get("oneOf", ())):
        yield from _forms(alternative)
