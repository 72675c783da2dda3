"""The official Python clients' own tests, unmodified, against a bare model server and the gateway in front of it.

git clone https://github.com/openai/openai-python ../openai-python
git clone https://github.com/anthropics/anthropic-sdk-python ../anthropic-sdk-python
python -m tests.conformance.sdk_tests openai --clone ../openai-python
python -m tests.conformance.sdk_tests anthropic --clone ../anthropic-sdk-python
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.conformance.environments import python_environment
from tests.conformance.serving import SAME, gateway_and_server

NEEDED = (
    "aiohttp==3.14.5",
    "httpx-aiohttp==0.2.0",
    "dirty-equals==0.11",
    "inline-snapshot==0.36.1",
    "nest-asyncio==1.6.0",
    "pytest==9.2.0",
    "pytest-asyncio==1.5.0",
    "pytest-xdist==3.8.0",
    "respx==0.23.1",
    "rich==15.0.0",
    "time-machine==3.6.0",
)
RUN_LIMIT_S = 600.0
RESULTS = ("passed", "failed", "refused", "skipped")


@dataclass(frozen=True, slots=True)
class Suite:
    """One client's tests: the files that are about what the gateway serves, and which of their tests are.

    `models` finds a model in the text of the files and of those in `named_in`; `path` is what the client adds to a
    base URL by itself. A failure that says `refused` is no fault: the gateway never does what that test asks for.
    """

    files: tuple[str, ...]
    selected: str
    models: re.Pattern[str]
    named_in: tuple[str, ...] = ()
    needed: tuple[str, ...] = NEEDED
    path: str = ""
    refused: str | None = None


SUITES: Mapping[str, Suite] = {
    # The rest is about answers that OpenAI stores, which no gateway has, and about models of a user's own.
    "openai": Suite(
        files=(
            "tests/api_resources/chat/test_completions.py",
            "tests/api_resources/test_models.py",
            "tests/api_resources/test_completions.py",
            "tests/api_resources/test_responses.py",
        ),
        selected="create or (TestModels and list) or (TestAsyncModels and list)",
        models=re.compile(r'model="([^"]+)"'),
    ),
    "anthropic": Suite(
        files=(
            "tests/api_resources/test_messages.py",
            "tests/api_resources/test_models.py",
            "tests/api_resources/beta/test_messages.py",
            "tests/api_resources/beta/test_models.py",
        ),
        selected="create or count_tokens or deprecated or (TestModels and list) or (TestAsyncModels and list)",
        models=re.compile(r'"(claude-[^"]+)"'),
        named_in=("src/anthropic/resources/messages/messages.py",),
        needed=(*NEEDED, "http-snapshot[httpx]==0.1.9"),
        path="/v1",
        # No request may say which hosts are called.
        refused="'mcp_servers' is not accepted",
    ),
}


def aliases_in(suite: Suite, clone: Path) -> list[str]:
    """Return every model that the tests name: the gateway must know them."""
    texts = [(clone / file).read_text() for file in (*suite.files, *suite.named_in)]
    return sorted({name for text in texts for name in suite.models.findall(text)})


def results(suite: Suite, python: Path, clone: Path, base_url: str, report: Path) -> dict[str, str]:
    """Run the tests against a base URL; return what came of each test. Raises SystemExit."""
    command = [str(python), "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", f"--junitxml={report}"]
    done = subprocess.run(
        [*command, "-k", suite.selected, *suite.files],
        cwd=clone,
        env={**os.environ, "TEST_API_BASE_URL": base_url.removesuffix(suite.path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=RUN_LIMIT_S,
    )
    if not report.is_file():
        raise SystemExit(f"the tests did not run:\n{(done.stdout + done.stderr)[-3000:]}")
    return read_report(report.read_text(), suite.refused)


def read_report(text: str, refused: str | None = None) -> dict[str, str]:
    """Return each test's result from pytest's XML: one of `RESULTS`."""
    found = {}
    for case in ET.fromstring(text).iter("testcase"):  # noqa: S314 (pytest wrote it a moment ago)
        kinds = {part.tag for part in case}
        result = "failed" if kinds & {"failure", "error"} else "skipped" if "skipped" in kinds else "passed"
        if result == "failed" and refused is not None and refused in "".join(case.itertext()):
            result = "refused"
        found[f"{case.get('classname')}::{case.get('name')}"] = result
    return found


def failed(found: Mapping[str, str]) -> set[str]:
    """Return the tests that failed."""
    return {name for name, result in found.items() if result == "failed"}


def tell(name: str, found: Mapping[str, str]) -> None:
    """Print the counts, and which failed."""
    counts = [f"{list(found.values()).count(kind)} {kind}" for kind in RESULTS]
    _print([f"{name}: {', '.join(counts)}", *(f"  failed: {test}" for test in sorted(failed(found)))])


def _print(lines: Iterable[str]) -> None:
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def main() -> int:
    """Run all and compare. Return 1 when the gateway fails a test that the bare server passes."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance.sdk_tests", description=__doc__)
    parser.add_argument("client", choices=SUITES, help="whose tests")
    parser.add_argument("--clone", type=Path, required=True, help="a clone of that client's repository")
    parser.add_argument("--translated", action="store_true", help="before servers that take chats alone")
    given = parser.parse_args()
    suite, clone = SUITES[given.client], given.clone.resolve()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        python = python_environment(place / "environment", (str(clone), *suite.needed))
        suffix = "" if given.translated else SAME
        with gateway_and_server(place, aliases_in(suite, clone), f"auto{suffix}") as served:
            bare = results(suite, python, clone, served.bare_url, place / "bare.xml")
            tell("bare server", bare)
            gateway = results(suite, python, clone, served.gateway_url, place / "gateway.xml")
            tell("gateway", gateway)
    worse, better = failed(gateway) - failed(bare), failed(bare) - failed(gateway)
    _print([f"the gateway alone fails {len(worse)}", *(f"  {test}" for test in sorted(worse))])
    _print([f"the bare server alone fails {len(better)}", *(f"  {test}" for test in sorted(better))])
    return 1 if worse or bare.keys() != gateway.keys() else 0


if __name__ == "__main__":
    sys.exit(main())
