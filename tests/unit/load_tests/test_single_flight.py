"""The table of a crowd that asks the same, and a small crowd measured."""

from rich.console import Console

from load_tests.cli_single_flight import fault_lines, flight_table
from load_tests.single_flight import FlightFound, FlightOrder, single_flight, ways

ORDER = FlightOrder(40, 2)
MACHINE = {"cpu": "one", "cores": 2, "python": "3.11"}


def told(*found: FlightFound) -> str:
    console = Console(width=110)
    with console.capture() as captured:
        console.print(flight_table("2026-11-29", MACHINE, ORDER, found))
    return captured.get()


def test_calls_stand_beside_the_most_there_may_be() -> None:
    shared, _, alone = ways(ORDER)
    text = told(FlightFound(shared, 1, {"miss": 1, "coalesced": 39}, 0), FlightFound(alone, 2, {"miss": 2}, 0))
    for part in ("39 coalesced, 1 miss", "≤ 1", "≤ 2", "40 requests", "over 2 gateways"):
        assert part in text


def test_what_was_not_to_be_is_told() -> None:
    shared, _, alone = ways(ORDER)
    found = [FlightFound(shared, 3, {}, 0), FlightFound(alone, 2, {}, 5)]
    assert list(fault_lines(found)) == [
        "Redis, whole answers: 3 calls, where 1 may be",
        "no Redis, whole answers: 5 answers were not whole",
    ]


def test_a_crowd_is_answered_by_as_few_calls_as_can_tell_of_each_other() -> None:
    doing: list[str] = []
    _, streamed, _ = ways(ORDER)
    _, _, (found,) = single_flight(ORDER, [streamed], doing.append)
    assert len(doing) == 1
    assert found.bad == 0
    assert sum(found.kinds.values()) == ORDER.crowd
    # That it is one call is for the table to say: on a busy machine Redis may answer later than a gateway waits for it.
    assert 1 <= found.calls <= ORDER.gateways
    assert found.kinds["coalesced"] >= ORDER.crowd - ORDER.gateways
