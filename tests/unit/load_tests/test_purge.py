"""The table of purges, and a few of them measured."""

import pytest
from rich.console import Console

from load_tests.__main__ import main
from load_tests.purge import WAYS, PurgeFound, PurgeOrder, fault_lines, purge_table
from load_tests.tally import spread

MACHINE = {"cpu": "one", "cores": 2, "python": "3.11"}


def found(here_ms: int, *others_ms: int) -> PurgeFound:
    here_us, others_us = spread([here_ms * 1_000]), spread([each * 1_000 for each in others_ms])
    assert here_us is not None
    assert others_us is not None
    return PurgeFound(WAYS[0], here_us, others_us)


def test_times_stand_beside_the_goal() -> None:
    console = Console(width=200)
    with console.capture() as captured:
        console.print(purge_table("2026-11-29", MACHINE, PurgeOrder(3, 2), [found(7, 31, 42, 53)]))
    for part in ("a tenant", " 7 ", " 42 ", " 53 ", "≤ 250", "3 purges each"):
        assert part in captured.get()


def test_who_was_late_is_told() -> None:
    assert list(fault_lines([found(7, 250)])) == []
    assert list(fault_lines([found(7, 40, 251)])) == ["a tenant: felt after 251 ms, where 250 may be"]
    assert list(fault_lines([found(300, 40)])) == ["a tenant: felt after 300 ms, where 250 may be"]


def test_too_few_gateways_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["purge", "--gateways", "1"]) == 2
    assert "2 gateways are needed" in capsys.readouterr().err


def test_every_kind_of_purge_is_felt_by_all(capsys: pytest.CaptureFixture[str]) -> None:
    # How soon is for the table to say: a busy machine may be late.
    main(["purge", "--rounds", "1", "--gateways", "2"])
    told = capsys.readouterr().out
    assert all(way.name in told for way in WAYS)
