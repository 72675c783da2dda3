"""Small cases for the tests of the simulation itself."""

from tests.sim.case import Ask, CallFault, Case, Mode, Server, Shape
from tests.sim.run import Run
from tests.sim.stage import play


def case_with(*asks: Ask, calls: tuple[CallFault, ...] = (), shape: Shape | None = None) -> Case:
    """Two tiers of one plain server each."""
    servers = (Server("t0-0"), Server("t1-0"))
    return Case(0, Mode.SAFETY, shape or Shape(servers=(1, 1)), servers, asks, calls)


def played(*asks: Ask, calls: tuple[CallFault, ...] = (), shape: Shape | None = None) -> Run:
    """Play such a case."""
    return play(case_with(*asks, calls=calls, shape=shape))
