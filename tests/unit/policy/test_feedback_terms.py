"""What a policy says of feedback."""

import pytest

from gateway.domain.ids import TenantId
from gateway.policy.facts import facts_of
from gateway.policy.snapshot import FeedbackTerms
from tests.unit.policy.worlds import CATALOGUE, MINIMAL, problems_of, snapshot_of

TENANTS = "tenants: {team: {keys: [env:SEARCH_KEY], record_text: true}, guest: {keys: [env:BATCH_KEY]}}\n"


def test_by_default_feedback_is_each_tenants_own_and_no_text_is_kept() -> None:
    snapshot = snapshot_of(MINIMAL)
    assert snapshot.feedback == FeedbackTerms(shared=False, sample=0.0)
    assert (snapshot.artefact, snapshot.space) == (CATALOGUE.digest, CATALOGUE.space)
    assert snapshot.open_key is not None
    assert not snapshot.open_key.tenant.may_record_text


def test_feedback_may_be_shared_and_a_sample_of_the_rest_recorded() -> None:
    snapshot = snapshot_of(MINIMAL + "feedback: {scope: shared, sample: 2%}\n")
    assert snapshot.feedback == FeedbackTerms(shared=True, sample=0.02)
    assert facts_of(snapshot)["feedback"] == {"scope": "shared", "sample": "2 %"}


def test_prompts_are_recorded_for_the_tenants_that_the_policy_names() -> None:
    snapshot = snapshot_of(MINIMAL + TENANTS)
    by_tenant = {key.tenant.id: key.tenant.may_record_text for key in snapshot.keys.values()}
    assert by_tenant == {TenantId("team"): True, TenantId("guest"): False}
    assert facts_of(snapshot)["tenant team"]["record_text"] == "yes"


@pytest.mark.parametrize("terms", ["{scope: everyone}", "{sample: 2}", "{sampel: 1%}"])
def test_what_feedback_cannot_be_is_told_with_its_place(terms: str) -> None:
    (problem,) = problems_of(MINIMAL + f"feedback: {terms}\n")
    assert problem.path.startswith("feedback.")
