"""How the reports of somebody else's tests are read."""

from pathlib import Path

from tests.conformance.openai_python import FILES, aliases_in, failed, read_report

REPORT = """\
<testsuites><testsuite>
<testcase classname="a" name="one"/>
<testcase classname="a" name="two"><failure message="x"/></testcase>
<testcase classname="a" name="three"><error message="x"/></testcase>
<testcase classname="a" name="four"><skipped/></testcase>
</testsuite></testsuites>"""


def test_each_test_has_one_result() -> None:
    found = read_report(REPORT)
    assert found == {"a::one": "passed", "a::two": "failed", "a::three": "failed", "a::four": "skipped"}
    assert failed(found) == {"a::two", "a::three"}


def test_the_models_that_the_tests_name_become_aliases(tmp_path: Path) -> None:
    for number, file in enumerate(FILES):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(f'create(model="m-{number}")\ncreate(model="shared")')
    assert aliases_in(tmp_path) == ["m-0", "m-1", "m-2", "shared"]
