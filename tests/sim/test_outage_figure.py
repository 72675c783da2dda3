"""An outage is not multiplied by the calls made in vain, and service returns by degrees."""

import pytest

from tests.sim.case import Ailment
from tests.sim.outage_figure import TIERS, Outage, outage_found


@pytest.mark.parametrize(("kind", "tiers"), [(Ailment.DOWN, 1), (Ailment.DOWN, TIERS), (Ailment.BUSY, TIERS)])
def test_an_outage_of_a_tier_or_of_all_is_hardly_multiplied_and_full_service_returns_without_a_herd(
    kind: Ailment, tiers: int
) -> None:
    found = outage_found(Outage(kind, tiers, for_s=15.0, rate_per_s=20.0))
    assert found.is_within, found
    if tiers == TIERS:
        assert found.calls < found.requests, "most are told at once, and no server is asked for them"
    else:
        assert found.admitted == found.requests, "the other tier has room for them"
    assert found.full_after_s > 0.0
