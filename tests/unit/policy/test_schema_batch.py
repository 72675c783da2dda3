from dataclasses import replace

from gateway.domain.batch import BatchTerms
from gateway.policy.facts import facts_of
from gateway.policy.schema_batch import BatchSpec
from tests.unit.policy.worlds import MINIMAL, problems_of, snapshot_of

SECTION = "batch: {fill: 25%, queue: 100, queue_size: 1MiB, wait: 1h}\n"


def test_a_policy_that_says_nothing_has_the_defaults_of_the_noun() -> None:
    assert snapshot_of(MINIMAL).batch.terms == BatchTerms()


def test_every_field_arrives() -> None:
    terms = snapshot_of(MINIMAL + SECTION).batch.terms
    assert terms == replace(BatchTerms(), fill=0.25, queue=100, queue_bytes=1024 * 1024, wait_s=3_600.0)
    told = facts_of(snapshot_of(MINIMAL + SECTION))["batch"]
    assert told == {"fill": "25 %", "queue": "100", "queue_size": "1 MiB", "wait": "1 h"}
    assert list(told) == list(BatchSpec.model_fields)


def test_what_is_no_share_or_length_is_told_by_its_place() -> None:
    problems = problems_of(MINIMAL + "batch: {fill: 0, wait: 10}\n")
    assert [(problem.path, problem.message.split(",")[0]) for problem in problems] == [
        ("batch.fill", "expected a share from 0.01 to 1"),
        ("batch.wait", "expected a duration from 1s to 1d"),
    ]
