"""The reference of what the gateway says (codes, headers, metrics, settings), made from the code that says it.

python -m gateway.app.reference --write
"""

import ast
import inspect
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import pairwise
from pathlib import Path

from gateway.adapters.genai_figures import INSTRUMENTS
from gateway.adapters.metrics_names import METRICS
from gateway.adapters.metrics_shape import WORKER_LABEL
from gateway.adapters.request_log import LogLine
from gateway.adapters.span_names import SpanAttribute, SpanEvent
from gateway.app.cli_output import EXIT_CODES
from gateway.app.events import Facts, LogEvent
from gateway.app.settings import TABLE
from gateway.domain.batch import BatchEnding
from gateway.domain.decision import ReasonCode
from gateway.domain.errors import ERRORS, ErrorCode
from gateway.domain.outcome import BLAME, FailureKind, NoRetry, Outcome
from gateway.domain.semantic import SemanticBar, SemanticEnd
from gateway.wire import headers

FILE = Path("gateway/REFERENCE.md")
COMMAND = "python -m gateway.app.reference --write"

_HEAD = f"""\
# Reference

Generated from the code by `{COMMAND}`: do not edit.
What the policy file may hold is in [policies/REFERENCE.md](../policies/REFERENCE.md); what dashboards and alarms make
of the metrics, in [deploy/README.md](../deploy/README.md) and [deploy/runbooks](../deploy/runbooks/README.md).
"""

_IN_A_REQUEST = "In a request: "


class Undocumented(Exception):
    """Something that the reference must explain has no docstring."""


def render() -> str:
    """Return the reference as Markdown. Raises Undocumented."""
    return "\n".join(
        [
            _HEAD,
            *_headers(),
            *_errors(),
            *_outcomes(),
            *_semantic(),
            *_batch(),
            *_metrics(),
            *_logs(),
            *_telemetry(),
            *_settings(),
            *_exit_codes(),
        ]
    )


def _headers() -> Iterator[str]:
    said = _headers_explained()
    asked = {name: meaning for name, meaning in said.items() if meaning.startswith(_IN_A_REQUEST)}
    yield _section(
        "Headers of a request",
        "Beside the usual ones: `authorization` (or `x-api-key`), `content-type`, `cache-control`, `traceparent`.",
        ("header", "meaning"),
        ((_header_name(name), _sentence(meaning.removeprefix(_IN_A_REQUEST))) for name, meaning in asked.items()),
    )
    yield _section(
        "Headers of an answer",
        "An error carries the request's id, and what is marked as its own.",
        ("header", "meaning"),
        ((_header_name(name), meaning) for name, meaning in said.items() if name not in asked),
    )


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _header_name(constant: str) -> str:
    value: bytes = getattr(headers, constant)
    return f"`{value.decode()}`"


def _errors() -> Iterator[str]:
    said = _members_explained(ErrorCode)
    yield _section(
        "Errors",
        "The `code` of an error body, which has OpenAI's shape.",
        ("code", "status", "type", "counted as", "meaning"),
        (
            (f"`{code}`", str(ERRORS[code].status), f"`{ERRORS[code].type}`", f"`{ERRORS[code].outcome}`", said[code])
            for code in ErrorCode
        ),
    )


def _outcomes() -> Iterator[str]:
    said = _members_explained(Outcome)
    yield _section(
        "Outcomes",
        "How a request ended; every receipt has exactly one.",
        ("outcome", "blame", "meaning"),
        ((f"`{outcome}`", f"`{BLAME[outcome]}`", said[outcome]) for outcome in Outcome),
    )
    yield _section(
        "Reasons of a decision",
        "Why a tier was chosen, or what removed it.",
        ("reason", "meaning"),
        _rows(ReasonCode),
    )
    yield _section(
        "Failures of an attempt", "What one call of a model server died of.", ("kind", "meaning"), _rows(FailureKind)
    )
    yield _section(
        "Reasons for no further attempt",
        "Why a request that no server answered was not tried elsewhere: `no_retry` of its receipt.",
        ("reason", "meaning"),
        _rows(NoRetry),
    )


def _semantic() -> Iterator[str]:
    yield _section(
        "Answers to other words",
        "What the look for the same question in other words came to: `semantic.end` of a receipt.",
        ("end", "meaning"),
        _rows(SemanticEnd),
    )
    yield _section(
        "Questions that are not compared",
        "Why none was looked for: `semantic.bar` of a receipt.",
        ("bar", "meaning"),
        _rows(SemanticBar),
    )


def _batch() -> Iterator[str]:
    yield _section(
        "Batch requests at the queue",
        "What became of a batch request there: `batch.ending` of its receipt, `batch` in the request log.",
        ("ending", "meaning"),
        _rows(BatchEnding),
    )


def _metrics() -> Iterator[str]:
    yield _section(
        "Metrics",
        f"At `/metrics`, in Prometheus' text format. Every series has the label `{WORKER_LABEL}` too: sum over it.",
        ("metric", "type", "labels", "meaning"),
        (
            (f"`{each.name}`", each.kind.value, ", ".join(f"`{label}`" for label in each.labels), each.help)
            for each in METRICS
        ),
    )


def _logs() -> Iterator[str]:
    yield _section(
        "Request log",
        "One JSON object a line for each request, with `event` `request`; what it never came to is left out. "
        "Nothing of what was asked or answered is in it.",
        ("field", "meaning"),
        _fields(LogLine, LogLine.__struct_fields__),
    )
    yield _section(
        "Events",
        "What is logged beside requests, to standard error: `at_s`, `level`, `event`, the number of the `worker`, "
        "`message`, the `traceback` of a fault, and the facts below.",
        ("event", "meaning"),
        _rows(LogEvent),
    )
    yield _section(
        "Facts of an event",
        "What such a line says beside its message.",
        ("field", "meaning"),
        _fields(Facts, tuple(Facts.__annotations__)),
    )


def _telemetry() -> Iterator[str]:
    yield _section(
        "Span attributes",
        "Of the span of a request and those of its calls, sent to a collector (`OTEL_EXPORTER_OTLP_ENDPOINT`). "
        "Nothing of what was asked or answered is in them, but for `tiergate.prompt`.",
        ("attribute", "meaning"),
        _rows(SpanAttribute),
    )
    yield _section("Span events", "What happened within a span.", ("event", "meaning"), _rows(SpanEvent))
    yield _section(
        "Metrics by OTLP",
        "Sent to the same collector every minute, cumulative since a worker's start.",
        ("metric", "unit", "attributes", "meaning"),
        (
            (f"`{each.name}`", f"`{each.unit}`", ", ".join(f"`{label}`" for label in each.labels), each.help)
            for each in INSTRUMENTS
        ),
    )


def _settings() -> Iterator[str]:
    yield _section(
        "Settings",
        "Of `tiergate serve`, from the environment or the command line; the latter counts more.",
        ("variable", "option", "default", "meaning"),
        (
            (f"`{each.variable}`", f"`{each.option}`", f"`{each.default}`" if each.default else "", each.sentence)
            for each in TABLE
        ),
    )


def _exit_codes() -> Iterator[str]:
    rows = ((str(code), meaning) for code, meaning in EXIT_CODES.items())
    yield _section("Exit codes", "Of every `tiergate` command.", ("code", "meaning"), rows)


def _section(title: str, introduction: str, columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [f"## {title}\n", f"{introduction}\n", _line(columns), "|" + "---|" * len(columns)]
    return "\n".join([*lines, *map(_line, rows), ""])


def _line(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _rows(enum: type[StrEnum]) -> Iterator[tuple[str, str]]:
    said = _members_explained(enum)
    return ((f"`{member}`", said[member]) for member in enum)


def _members_explained(enum: type[StrEnum]) -> Mapping[StrEnum, str]:
    """Read the docstring below each member."""
    (node,) = ast.parse(inspect.getsource(enum)).body
    assert isinstance(node, ast.ClassDef)
    said = dict(_explained(node.body))
    return {member: _known(said, member.name, enum.__name__) for member in enum}


def _fields(owner: type, names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Read the docstring below each field of a class."""
    (node,) = ast.parse(inspect.getsource(owner)).body
    assert isinstance(node, ast.ClassDef)
    said = dict(_explained(node.body))
    return ((f"`{name}`", _known(said, name, owner.__name__)) for name in names)


def _headers_explained() -> dict[str, str]:
    """Read the docstring below each header's name, in their order."""
    body = ast.parse(inspect.getsource(headers)).body
    said = dict(_explained(body))
    names = [name for node in body for name in _names(node) if name.endswith("_HEADER")]
    return {name: _known(said, name, headers.__name__) for name in names}


def _explained(body: list[ast.stmt]) -> Iterator[tuple[str, str]]:
    for node, below in pairwise(body):
        match below:
            case ast.Expr(value=ast.Constant(value=str() as text)):
                yield from ((name, " ".join(text.split())) for name in _names(node))


def _names(node: ast.stmt) -> list[str]:
    match node:
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
    return []


def _known(said: Mapping[str, str], name: str, where: str) -> str:
    if name not in said:
        raise Undocumented(f"{where}.{name} has no docstring below it; write one sentence")
    return said[name]


def main(arguments: list[str]) -> None:
    """Print the reference, or write it to its place below the working directory."""
    if arguments == ["--write"]:
        FILE.write_text(render(), encoding="utf-8")
    else:
        sys.stdout.write(render())


if __name__ == "__main__":
    main(sys.argv[1:])
