"""A server whose name is gone, from its last good address to its ejection, over real sockets."""

from gateway.adapters.resolver import LAST_GOOD_S, Resolver
from gateway.adapters.upstream_lean import LeanTransport
from gateway.core.breaker import Standing
from gateway.domain.outcome import FailureKind
from tests.support.fault_server import FaultServer
from tests.support.gateways import CHAT, TWO_TIERS, Gateway, failures
from tests.support.names import Names
from tests.unit.pipeline.test_ladder_caller import state_of


async def test_an_endpoint_whose_name_is_gone_serves_for_a_minute_and_is_then_ejected_while_others_answer() -> None:
    names = Names({"small-a": ("127.0.0.1",), "large": ("127.0.0.1",)})
    async with FaultServer() as server:
        policy = TWO_TIERS.replace(', {url: "http://small-b:8000/v1"}', "").replace(":8000", f":{server.port}")
        gateway = Gateway(policy)
        transport = LeanTransport(
            resolver=Resolver(names.look_up, now_s=gateway.clock.now_s), now_s=gateway.clock.now_s
        )
        gateway.world.transports["lean"] = transport  # type: ignore[index]
        await gateway.ask({**CHAT, "seed": 0})
        del names.known["small-a"]
        gateway.clock.advance(LAST_GOOD_S - 1.0)
        client = await gateway.ask({**CHAT, "seed": 1})
        assert client.responder.headers[b"x-tiergate-tier"] == b"small"
        gateway.clock.advance(5.0)
        for seed in range(2, 9):
            client = await gateway.ask({**CHAT, "seed": seed})
            assert client.responder.headers[b"x-tiergate-tier"] == b"large"
            if seed == 2:
                assert failures(gateway) == [FailureKind.CONNECT, None]
        assert state_of(gateway, "small", 0).breaker.standing is Standing.EJECTED
        assert failures(gateway) == [None], "the ejected one is not tried any more"
        await transport.aclose()
