"""The JSON Schema for editors and the reference for people, both made from the types of the file format."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gateway.policy.fields import Schema, policy_schema

SCHEMA_FILE = "policy.schema.json"
REFERENCE_FILE = "REFERENCE.md"
COMMAND = "tiergate policy schema --write policies/"

_HEAD = f"""\
# Policy reference

Generated from the types in `gateway/policy/schema*.py` by
`{COMMAND}`: do not edit.

Durations are `600ms`, `4s`, `30m`, `24h` or `7d`; tokens `32768`, `32k` (32,000) or `1M`; sizes `256B`, `32KiB` or
`8MiB`; shares `0.95` or `95%`. Names are letters, digits, `-`, `_` and `.`.
"""


def json_schema() -> str:
    """Return the JSON Schema as text."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **_for_editors(policy_schema())}
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def reference() -> str:
    """Return the reference as Markdown."""
    return "\n".join([_HEAD, *_sections("", policy_schema())])


def write_reference(directory: Path) -> list[Path]:
    """Write both files into a directory, and return their paths."""
    written = []
    for name, text in ((SCHEMA_FILE, json_schema()), (REFERENCE_FILE, reference())):
        path = directory / name
        path.write_text(text, encoding="utf-8")
        written.append(path)
    return written


def _for_editors(node: Any) -> Any:
    """Drop what only our own tools read: titles that repeat the key, and the wording of expectations."""
    if isinstance(node, list):
        return [_for_editors(item) for item in node]
    if not isinstance(node, dict):
        return node
    kept = {key: value for key, value in node.items() if key not in {"x-expected", "discriminator"}}
    if isinstance(kept.get("title"), str):
        del kept["title"]
    return {key: _for_editors(value) for key, value in kept.items()}


def _sections(path: str, node: Schema) -> Iterator[str]:
    yield f"## {f'`{path}`' if path else 'The whole policy'}\n\n{node['description']}\n"
    yield "| key | value | default | meaning |\n|---|---|---|---|"
    inner: list[tuple[str, Schema]] = []
    for key, field in node["properties"].items():
        required = key in node.get("required", ())
        default = "required" if required else _default(field.get("default"))
        yield f"| `{key}` | {_cell(_value(field))} | {default} | {_cell(_meaning(field))} |"
        inner += [(f"{path}.{key}{suffix}".lstrip("."), form) for suffix, form in _mappings(field)]
    yield ""
    for inner_path, form in inner:
        yield from _sections(inner_path, form)


def _mappings(node: Schema, suffix: str = "") -> Iterator[tuple[str, Schema]]:
    """Yield the mappings that a value may be or hold, with what their path adds."""
    plain = _behind(node)
    if "properties" in plain:
        yield suffix, plain
    for form in (*plain.get("anyOf", ()), *plain.get("oneOf", ())):
        yield from _mappings(form, suffix)
    for form in plain.get("patternProperties", {}).values():
        yield from _mappings(form, f"{suffix}.NAME")
    if isinstance(plain.get("items"), dict):
        yield from _mappings(plain["items"], f"{suffix}[]")


def _behind(node: Schema) -> Schema:
    if "$ref" not in node:
        return node
    found: Schema = policy_schema()["$defs"][str(node["$ref"]).rpartition("/")[2]]
    return found


def _meaning(field: Schema) -> str:
    """Return the sentence about a field; where it is that of its own mapping, pydantic writes it there alone."""
    return str(field.get("description") or _behind(field)["description"])


def _value(node: Schema) -> str:
    """Say in a few words what may be written."""
    plain = _behind(node)
    if "x-expected" in plain:
        return str(plain["x-expected"])
    if "const" in plain:
        return f"`{plain['const']}`"
    if "enum" in plain:
        return ", ".join(f"`{word}`" for word in plain["enum"])
    forms = [form for form in (*plain.get("anyOf", ()), *plain.get("oneOf", ())) if form.get("type") != "null"]
    if forms:
        return "; or ".join(dict.fromkeys(map(_value, forms)))
    if plain.get("type") == "array":
        return _list(plain["items"])
    if plain.get("type") == "object":
        return "mapping" if "properties" in plain else "mapping of names"
    return "`true` or `false`"


def _list(item: Schema) -> str:
    value = _value(item)
    if value == "mapping":
        return "list of mappings"
    return f"list of {value}" if "enum" in item else f"list; each {value}"


def _default(value: object) -> str:
    match value:
        case None:
            return "–"
        case bool():
            return f"`{str(value).lower()}`"
        case list():
            return f"`[{', '.join(map(str, value))}]`"
        case dict():
            return "as below" if not value else f"`{value}`"
        case _:
            return f"`{value}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
