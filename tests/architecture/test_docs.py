"""What is written about the gateway is what the gateway does."""

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from gateway.adapters.genai_figures import INSTRUMENTS
from gateway.adapters.metrics_names import METRICS
from gateway.adapters.request_log import LogLine
from gateway.adapters.span_names import SpanAttribute, SpanEvent
from gateway.app.cli_output import EXIT_CODES
from gateway.app.events import Facts, LogEvent
from gateway.app.reference import COMMAND, FILE, render
from gateway.app.settings import TABLE
from gateway.domain.batch import BatchEnding
from gateway.domain.decision import ReasonCode
from gateway.domain.errors import ErrorCode
from gateway.domain.outcome import FailureKind, NoRetry, Outcome
from gateway.domain.semantic import SemanticBar, SemanticEnd
from tests.architecture.sources import ROOT, sources
from tests.support.behaviours import fails
from tests.support.fake_inbound import FakeClient
from tests.support.gateways import CHAT, KEYED, STREAM, TEAM_KEY, TWO_TIERS, Gateway
from tests.support.semantic import Semantic

REFERENCE = ROOT / FILE
STANDARD = {b"content-type", b"content-length", b"cache-control", b"x-accel-buffering"}
"""Headers that every HTTP client knows, or that are for proxies."""
TESTS_OVERVIEW = ROOT / "tests/README.md"
DECISIONS = ROOT / "gateway/DECISIONS.md"
CASES: dict[str, Sequence[int]] = {
    "Bad input at the edge": range(1, 23),
    "The cache": range(38, 51),
    "Scoring, deciding and policies": range(51, 60),
    "Trying model servers": range(60, 86),
    "Streams": range(86, 101),
    "Overload, process and operations": range(112, 119),
}
"""The numbers of the cases that each table of the overview of the tests holds."""
DOCUMENTS = [Path("README.md"), *sorted(path.relative_to(ROOT) for path in ROOT.glob("[a-z]*/**/*.md"))]


def documented(title: str) -> list[str]:
    """Return the first column of one table of the reference, without its quotes."""
    section = REFERENCE.read_text(encoding="utf-8").split(f"## {title}\n")[1].split("\n## ")[0]
    return [line.split(" | ")[0].removeprefix("| ").strip("`") for line in section.splitlines() if line[:2] == "| "][1:]


def test_the_reference_is_the_one_that_the_code_makes() -> None:
    assert REFERENCE.read_text(encoding="utf-8") == render(), f"out of date; renew it: {COMMAND}"


@pytest.mark.parametrize(
    ("title", "names"),
    [
        ("Errors", list(ErrorCode)),
        ("Outcomes", list(Outcome)),
        ("Reasons of a decision", list(ReasonCode)),
        ("Failures of an attempt", list(FailureKind)),
        ("Reasons for no further attempt", list(NoRetry)),
        ("Answers to other words", list(SemanticEnd)),
        ("Batch requests at the queue", list(BatchEnding)),
        ("Questions that are not compared", list(SemanticBar)),
        ("Metrics", [metric.name for metric in METRICS]),
        ("Request log", list(LogLine.__struct_fields__)),
        ("Events", list(LogEvent)),
        ("Facts of an event", list(Facts.__annotations__)),
        ("Span attributes", list(SpanAttribute)),
        ("Span events", list(SpanEvent)),
        ("Metrics by OTLP", [instrument.name for instrument in INSTRUMENTS]),
        ("Settings", [setting.variable for setting in TABLE]),
        ("Exit codes", [str(code) for code in EXIT_CODES]),
    ],
)
def test_the_reference_names_what_there_is_and_nothing_else(title: str, names: list[str]) -> None:
    assert documented(title) == names


async def test_every_header_of_an_answer_is_documented_and_every_documented_one_is_sent() -> None:
    gateway = Gateway(KEYED)
    clients = [
        await gateway.ask(CHAT, key=TEAM_KEY),
        await gateway.ask(CHAT, key=TEAM_KEY),
        await gateway.ask(STREAM, key=TEAM_KEY),
        await gateway.ask(CHAT),
        await Gateway().ask(CHAT, headers=((b"x-tiergate-debug", b"true"),)),
        await Gateway().ask(CHAT, headers=((b"x-tiergate-priority", b"batch"),)),
        await _told_in_other_words(),
    ]
    gateway.network.plan.general = fails(429)
    clients.append(await gateway.ask({**CHAT, "seed": 1}, key=TEAM_KEY))
    gateway.network.plan.general = fails(500)
    clients.append(await gateway.ask({**CHAT, "seed": 2}, key=TEAM_KEY))
    sent = {name for client in clients for name in client.responder.headers} - STANDARD
    assert {name.decode() for name in sent} == set(documented("Headers of an answer"))


async def _told_in_other_words() -> FakeClient:
    semantic = Semantic()
    first, again = "What is the capital of France?", "Which city is the capital of France?"
    semantic.verifier.tell(first, again, 1.0)
    policy = TWO_TIERS.replace("cache: {exact: 1h,", "cache: {exact: 1h, semantic: {},")
    gateway = Gateway(policy, semantic=semantic.parts, clock=semantic.clock)
    for question in (first, again):
        client = await gateway.ask({"model": "auto", "messages": [{"role": "user", "content": question}]})
    return client


def test_a_documented_header_of_a_request_is_read_somewhere() -> None:
    constants = (ROOT / "gateway/wire/headers.py").read_text(encoding="utf-8")
    code = "".join(
        path.read_text(encoding="utf-8")
        for path in sorted((ROOT / "gateway").rglob("*.py"))
        if path.name != "reference.py"
    )
    for name in documented("Headers of a request"):
        found = re.search(rf'^(\w+): Final = b"{name}"$', constants, re.MULTILINE)
        assert found is not None
        assert len(re.findall(rf"\b{found[1]}\b", code)) > 1, f"{name} is defined and never read"


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_links_between_documents_lead_somewhere(document: Path) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
        if "://" not in link:
            assert (ROOT / document.parent / link).exists(), f"{document} links to {link}, which is not there"


@pytest.mark.parametrize("title", CASES)
def test_every_case_has_tests_that_exist(title: str) -> None:
    section = TESTS_OVERVIEW.read_text(encoding="utf-8").split(f"## {title}\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (\d+) \| .+? \| (.+) \|$", section, re.MULTILINE)
    assert [int(number) for number, _ in rows] == list(CASES[title])
    written = {function.name for source in sources("tests") for function in source.functions}
    for number, cell in rows:
        named = re.findall(r"`(test_\w+)`", cell)
        assert named, f"case {number} names no test"
        assert set(named) <= written, f"case {number} names tests that are not there: {set(named) - written}"


def test_every_folder_of_tests_is_in_their_overview() -> None:
    overview = TESTS_OVERVIEW.read_text(encoding="utf-8")
    named = set(re.findall(r"^\| `(\w+)/[\w/]*` \|", overview, re.MULTILINE))
    assert {source.path.parts[1] for source in sources("tests") if len(source.path.parts) > 2} <= named


def test_decisions_are_numbered_in_their_order() -> None:
    numbers = [int(number) for number in re.findall(r"^(\d+)\. ", DECISIONS.read_text("utf-8"), re.MULTILINE)]
    assert numbers == list(range(1, len(numbers) + 1))
