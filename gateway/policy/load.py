"""From the text of a policy to plain data in which every value knows its line and column. Never raises.

ruamel's parser gives the events of YAML 1.2; data is built from them here rather than by its constructor, because
a policy needs less than YAML (no anchors, tags or second documents) and more than a constructor gives: the place of
every key and value, every duplicate key instead of the first, and limits while reading instead of afterwards.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from gateway.policy.nodes import Builder, LoadRefused
from gateway.policy.problems import START, Finding, Path, Place, Plain, Problem, dotted
from gateway.policy.source import PolicySource

MAX_BYTES = 1024 * 1024
"""A policy of a thousand tenants is a tenth of this."""

_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What YAML 1.2 (production c-printable) does not allow in a stream."""


@dataclass(frozen=True, slots=True)
class Document:
    """A policy as data. `root` is None when there is nothing to look at further; `problems` then says why.

    `broken` are paths whose value could not be read: what else is said about them is noise.
    """

    name: str
    root: dict[str, Plain] | None
    keys: Mapping[Path, Place]
    values: Mapping[Path, Place]
    problems: tuple[Problem, ...]
    broken: frozenset[Path]

    def place_of(self, path: Path, *, at_key: bool = False) -> Place:
        """Return where a value (or its key) stands; for what is not in the file, the nearest thing around it."""
        for end in range(len(path), 0, -1):
            part = path[:end]
            found = self.keys.get(part) if at_key or end < len(path) else self.values.get(part)
            found = found or self.values.get(part)
            if found is not None:
                return found
        return START

    def problem(self, finding: Finding) -> Problem:
        """Give a finding its place."""
        line, column = self.place_of(finding.path, at_key=finding.at_key)
        return Problem(self.name, line, column, dotted(finding.path), finding.message, finding.hint)

    def is_broken(self, path: Path) -> bool:
        """Tell whether the value at `path` lies in what could not be read."""
        return any(path[:end] in self.broken for end in range(1, len(path) + 1))


def read_document(source: PolicySource) -> Document:
    """Read a policy's text. Total: every text gives a document, with problems where it is not one."""
    try:
        text = source.content.decode("utf-8", "strict" if isinstance(source.text, bytes) else "surrogatepass")
    except UnicodeDecodeError as error:
        place = _place_in(source.content[: error.start].decode("utf-8"), error.start)
        return _refused(source, place, "expected UTF-8 text, found other bytes", "save the file as UTF-8")
    text = text.removeprefix("\ufeff")
    if len(source.content) > MAX_BYTES:
        return _refused(source, START, f"expected at most 1 MiB, found {len(source.content)} bytes")
    unprintable = _UNPRINTABLE.search(text)
    if unprintable is not None:
        place = _place_in(text, unprintable.start())
        return _refused(source, place, f"expected text, found the control character U+{ord(unprintable[0]):04X}")
    return _parse(source, text)


def _parse(source: PolicySource, text: str) -> Document:
    builder = Builder()
    try:
        for event in YAML(typ="safe", pure=True).parse(text):
            builder.feed(event)
    except LoadRefused as refusal:
        return _refused(source, refusal.place, refusal.message, refusal.hint, builder)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = START if mark is None else Place(mark.line + 1, mark.column + 1)
        return _refused(source, place, f"not YAML: {error.problem or 'cannot be read'}", _syntax_hint(error), builder)
    except (YAMLError, ValueError) as error:
        # ruamel raises a bare ValueError for an escape beyond Unicode, such as "\U00110000".
        return _refused(source, builder.last, f"not YAML: {error}", "", builder)
    return _document(source, builder)


def _document(source: PolicySource, builder: Builder) -> Document:
    root = builder.root
    if root is None:
        return _refused(source, START, "expected a policy, found an empty file", "start with `version: 1`", builder)
    if not isinstance(root, dict):
        hint = "a policy is a mapping: `version: 1`, `tiers: …`"
        return _refused(source, builder.values[()], "expected a mapping at the top level", hint, builder)
    problems = tuple(_located(source, builder))
    return Document(source.name, root, builder.keys, builder.values, problems, frozenset(builder.broken))


def _refused(
    source: PolicySource, place: Place, message: str, hint: str = "", builder: Builder | None = None
) -> Document:
    last = Problem(source.name, place.line, place.column, "", message, hint)
    earlier = _located(source, builder) if builder is not None else []
    return Document(source.name, None, {}, {}, (*earlier, last), frozenset())


def _located(source: PolicySource, builder: Builder) -> list[Problem]:
    return [
        Problem(source.name, place.line, place.column, dotted(finding.path), finding.message, finding.hint)
        for place, finding in builder.findings
    ]


def _syntax_hint(error: MarkedYAMLError) -> str:
    problem = str(error.problem)
    if "\\t" in problem or "\t" in problem:
        return "indent with spaces: YAML forbids tabs"
    if "mapping values are not allowed" in problem:
        return "put a text that holds `: ` in quotes, and check the indentation"
    return ""


def _place_in(text: str, position: int) -> Place:
    before = text[:position]
    return Place(before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)
