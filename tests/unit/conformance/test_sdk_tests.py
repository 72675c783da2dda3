"""How the reports of somebody else's tests are read."""

from pathlib import Path

import pytest

from tests.conformance.sdk_tests import SUITES, aliases_in, failed, read_report

REPORT = """\
<testsuites><testsuite>
<testcase classname="a" name="one"/>
<testcase classname="a" name="two"><failure message="x"/></testcase>
<testcase classname="a" name="three"><error message="x">hosts are ours to set</error></testcase>
<testcase classname="a" name="four"><skipped/></testcase>
</testsuite></testsuites>"""


def test_each_test_has_one_result() -> None:
    found = read_report(REPORT)
    assert found == {"a::one": "passed", "a::two": "failed", "a::three": "failed", "a::four": "skipped"}
    assert failed(found) == {"a::two", "a::three"}


def test_what_is_refused_on_purpose_is_told_apart_by_its_words() -> None:
    assert failed(read_report(REPORT, "hosts are ours")) == {"a::two"}
    assert read_report(REPORT, "hosts are ours")["a::three"] == "refused"


@pytest.mark.parametrize(("client", "family"), [("openai", "gpt"), ("anthropic", "claude")])
def test_the_models_that_the_tests_name_become_aliases(tmp_path: Path, client: str, family: str) -> None:
    suite = SUITES[client]
    for number, file in enumerate((*suite.files, *suite.named_in)):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(f'create(model="{family}-{number}")\ncreate(model="{family}-x")')
    count = len(suite.files) + len(suite.named_in)
    assert aliases_in(suite, tmp_path) == [*(f"{family}-{number}" for number in range(count)), f"{family}-x"]
