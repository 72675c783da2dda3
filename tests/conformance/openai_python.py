"""openai-python's own tests, unmodified, against a bare model server and against the gateway in front of it.

git clone https://github.com/openai/openai-python ../openai-python
python -m tests.conformance.openai_python --clone ../openai-python
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Mapping
from pathlib import Path

from tests.conformance.environments import python_environment
from tests.conformance.serving import gateway_and_server

FILES = (
    "tests/api_resources/chat/test_completions.py",
    "tests/api_resources/test_models.py",
    "tests/api_resources/test_completions.py",
)
SELECTED = "create or (TestModels and list) or (TestAsyncModels and list)"
"""The rest is about answers that OpenAI stores, which no gateway has, and about models of a user's own."""
NEEDED = (
    "aiohttp==3.14.5",
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
_MODEL = re.compile(r'model="([^"]+)"')


def aliases_in(clone: Path) -> list[str]:
    """Return every model that the tests name: the gateway must know them."""
    return sorted({name for file in FILES for name in _MODEL.findall((clone / file).read_text())})


def results(python: Path, clone: Path, base_url: str, report: Path) -> dict[str, str]:
    """Run the tests against a base URL; return what came of each: passed, failed or skipped. Raises SystemExit."""
    command = [str(python), "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", f"--junitxml={report}"]
    done = subprocess.run(
        [*command, "-k", SELECTED, *FILES],
        cwd=clone,
        env={**os.environ, "TEST_API_BASE_URL": base_url},
        capture_output=True,
        text=True,
        check=False,
        timeout=RUN_LIMIT_S,
    )
    if not report.is_file():
        raise SystemExit(f"the tests did not run:\n{(done.stdout + done.stderr)[-3000:]}")
    return read_report(report.read_text())


def read_report(text: str) -> dict[str, str]:
    """Return each test's result from pytest's XML."""
    found = {}
    for case in ET.fromstring(text).iter("testcase"):  # noqa: S314 (pytest wrote it a moment ago)
        kinds = {part.tag for part in case}
        result = "failed" if kinds & {"failure", "error"} else "skipped" if "skipped" in kinds else "passed"
        found[f"{case.get('classname')}::{case.get('name')}"] = result
    return found


def failed(found: Mapping[str, str]) -> set[str]:
    """Return the tests that failed."""
    return {name for name, result in found.items() if result == "failed"}


def tell(name: str, found: Mapping[str, str]) -> None:
    """Print the counts, and which failed."""
    counts = [f"{list(found.values()).count(kind)} {kind}" for kind in ("passed", "failed", "skipped")]
    _print([f"{name}: {', '.join(counts)}", *(f"  failed: {test}" for test in sorted(failed(found)))])


def _print(lines: Iterable[str]) -> None:
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def main() -> int:
    """Run both and compare. Return 1 when the gateway fails a test that the bare server passes."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance.openai_python", description=__doc__)
    parser.add_argument("--clone", type=Path, required=True, help="a clone of openai/openai-python")
    clone: Path = parser.parse_args().clone.resolve()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        python = python_environment(place / "environment", (str(clone), *NEEDED))
        with gateway_and_server(place, aliases_in(clone)) as served:
            bare = results(python, clone, served.bare_url, place / "bare.xml")
            tell("bare server", bare)
            gateway = results(python, clone, served.gateway_url, place / "gateway.xml")
            tell("gateway", gateway)
    worse, better = failed(gateway) - failed(bare), failed(bare) - failed(gateway)
    _print([f"the gateway alone fails {len(worse)}", *(f"  {test}" for test in sorted(worse))])
    _print([f"the bare server alone fails {len(better)}", *(f"  {test}" for test in sorted(better))])
    return 1 if worse or bare.keys() != gateway.keys() else 0


if __name__ == "__main__":
    sys.exit(main())
