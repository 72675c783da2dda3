"""Hold a document against the file format: every wrong value becomes a problem, and what is sound can be used."""

import re
from collections.abc import Iterable
from typing import Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from gateway.policy.fields import description, known_keys
from gateway.policy.load import Document
from gateway.policy.problems import MAX_FINDINGS, Finding, Path, Plain, describe, did_you_mean, listed
from gateway.policy.quantities import EXPECTED
from gateway.policy.schema import Policy

_FORM_TAGS: Final = {"<table>", "<catalog>", "<word>"}
"""Which form of a price was tried: part of pydantic's paths, not of the document's."""
_KEY: Final = "[key]"
_EXPECTED_BY_TYPE: Final = {
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "bool_type": "true or false",
}


def check_shape(root: dict[str, Plain], document: Document) -> tuple[Policy, list[Finding]]:
    """Return every mismatch, and the policy made of the entries that have none.

    Tiers, models, routes and tenants are left out one by one, other sections fall back to their defaults: so the
    checks that look at sound entries can run, and all problems are told at once.
    """
    try:
        return Policy.model_validate(root), []
    except ValidationError as error:
        details = error.errors(include_url=False)
    findings, wrong = findings_in(details, root, document)
    return Policy.model_validate(_sound(root, wrong)), findings


def findings_in(
    details: Iterable[ErrorDetails], root: dict[str, Plain], document: Document
) -> tuple[list[Finding], set[Path]]:
    """Return what to say of pydantic's errors about a document, and the entries of sections that are wrong."""
    findings: list[Finding] = []
    wrong: set[Path] = set()
    for detail in details:
        path, at_key = _path_of(detail["loc"], root)
        wrong.add(path[:2])
        if len(findings) == MAX_FINDINGS:
            continue
        finding = _finding(detail, path, at_key)
        if finding.at_key or not document.is_broken(path):
            findings.append(finding)
    return findings, wrong


def _sound(root: dict[str, Plain], wrong: set[Path]) -> dict[str, Plain]:
    sound: dict[str, Plain] = {"version": 1, "tiers": {}, "models": {}}
    for section in ("tiers", "models", "routes", "tenants"):
        entries = root.get(section)
        if isinstance(entries, dict):
            sound[section] = {name: entry for name, entry in entries.items() if (section, name) not in wrong}
    for section in ("limits", "batch", "receipts", "feedback", "classifier"):
        if section in root and all(path[0] != section for path in wrong):
            sound[section] = root[section]
    return sound


def _path_of(location: tuple[str | int, ...], root: Plain) -> tuple[Path, bool]:
    path: list[str | int] = []
    node: Plain = root
    for part in location:
        is_key = isinstance(node, dict) and part in node
        if not is_key and (part == _KEY or part in _FORM_TAGS):
            continue
        path.append(part)
        node = _child(node, part)
    return tuple(path), location[-1] == _KEY


def _child(node: Plain, part: str | int) -> Plain:
    if isinstance(node, dict):
        return node.get(str(part))
    return node[part] if isinstance(node, tuple) and isinstance(part, int) else None


def _finding(detail: ErrorDetails, path: Path, at_key: bool) -> Finding:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "missing":
        return Finding(path, "expected a value, found nothing", description(path).rstrip("."))
    if kind == "extra_forbidden":
        hint = did_you_mean(str(path[-1]), known_keys(path[:-1]))
        return Finding(path, f"expected a known key, found {describe(path[-1])}", hint, at_key=True)
    found = _found(path, detail["input"])
    if kind == EXPECTED:
        return Finding(path, f"expected {context['expected']}, found {found}", str(context["hint"]), at_key)
    if kind == "literal_error":
        words = [quoted or bare for quoted, bare in re.findall(r"'([^']*)'|(\d+)", str(context["expected"]))]
        hint = did_you_mean(str(detail["input"]), words)
        return Finding(path, f"expected {listed(words)}, found {found}", hint if hint.startswith("did") else "", at_key)
    return Finding(path, f"expected {_EXPECTED_BY_TYPE.get(kind, detail['msg'])}, found {found}", "", at_key)


def _found(path: Path, value: object) -> str:
    """Describe a wrong value; not where it may be a secret, which a log or a build would then show."""
    may_be_secret = "keys" in path or "api_key" in path or (path[-1:] == ("url",) and "@" in str(value))
    return "a value that is not shown" if may_be_secret and isinstance(value, str) else describe(value)
