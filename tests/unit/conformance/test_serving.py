"""The policy of the kit's gateway is one."""

import json

from tests.conformance.serving import SAME, policy_of
from tests.unit.policy.worlds import snapshot_of


def test_the_policy_compiles_and_knows_each_model_in_two_ways() -> None:
    real = {"nano": "http://127.0.0.1:1/v1", "small": "http://127.0.0.1:2/v1"}
    snapshot = snapshot_of(json.dumps(policy_of(real, "http://127.0.0.1:3/v1", {"gpt-4o": "auto-same"})))
    names = {"auto", "weather", "busy-first", "drips"}
    assert set(snapshot.aliases) == names | {name + SAME for name in names} | {"gpt-4o"}
