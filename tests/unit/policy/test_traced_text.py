"""Until when a policy lets a tenant's prompts go to the collector."""

import pytest

from gateway.domain.ids import TenantId
from gateway.policy.facts import facts_of
from tests.unit.policy.worlds import MINIMAL, problems_of, snapshot_of

TENANTS = "tenants: {{team: {{keys: [env:SEARCH_KEY], trace_text_until: {}}}, guest: {{keys: [env:BATCH_KEY]}}}}\n"


@pytest.mark.parametrize("written", ["2026-12-01", '"2026-12-01"'])
def test_the_day_is_read_as_the_moment_at_which_it_begins(written: str) -> None:
    snapshot = snapshot_of(MINIMAL + TENANTS.format(written))
    by_tenant = {key.tenant.id: key.tenant.trace_text_until_s for key in snapshot.keys.values()}
    assert by_tenant == {TenantId("team"): 1_796_083_200.0, TenantId("guest"): None}
    facts = facts_of(snapshot)
    assert (facts["tenant team"]["trace_text_until"], facts["tenant guest"]["trace_text_until"]) == (
        "2026-12-01",
        "never",
    )


@pytest.mark.parametrize("written", ["yes", "2026-02-30", "2026-12-1x", "2026-1-1", "20261201", "12", "[]"])
def test_what_is_no_day_is_told_with_its_place(written: str) -> None:
    (problem,) = problems_of(MINIMAL + TENANTS.format(written))
    assert problem.path == "tenants.team.trace_text_until"
    assert "expected a day, such as 2026-12-31" in str(problem)
