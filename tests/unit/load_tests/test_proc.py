"""What is read out of /proc."""

import os
from pathlib import Path

from load_tests.proc import (
    TICKS_PER_S,
    Stat,
    cpu_model,
    cpu_s,
    machine_cpu_s,
    parse_pss_bytes,
    parse_stat,
    process_tree,
    pss_bytes,
)


def _stat_line(pid: int, parent: int, user: int, system: int, command: str = "python3") -> str:
    zeros = " ".join(["0"] * 8)
    return f"{pid} ({command}) S {parent} 1 1 0 -1 4194304 {' '.join(['0'] * 4)} {user} {system} {zeros} 99 99"


def _machine(folder: Path, *lines: str) -> Path:
    for line in lines:
        entry = folder / line.split()[0]
        entry.mkdir()
        (entry / "stat").write_text(line)
        (entry / "smaps_rollup").write_text("00-ff ---p [rollup]\nRss: 90 kB\nPss:     10 kB\nPss_Dirty: 4 kB\n")
    (folder / "meminfo").write_text("not a process")
    return folder


def test_a_stat_line_gives_parent_and_ticks() -> None:
    assert parse_stat(_stat_line(12, 3, user=40, system=2)) == Stat(12, 3, 42)


def test_a_command_may_hold_spaces_and_parentheses() -> None:
    assert parse_stat(_stat_line(12, 3, 40, 2, command="a) R 9 (b")) == Stat(12, 3, 42)


def test_a_tree_is_the_process_and_all_below_it(tmp_path: Path) -> None:
    proc = _machine(
        tmp_path,
        _stat_line(1, 0, 1000, 0),
        _stat_line(10, 1, 3, 4),
        _stat_line(11, 10, 20, 0),
        _stat_line(12, 11, 100, 0),
        _stat_line(13, 1, 1000, 0),
    )
    assert sorted(stat.pid for stat in process_tree(10, proc)) == [10, 11, 12]
    assert cpu_s(10, proc) == 127 / TICKS_PER_S
    assert pss_bytes(10, proc) == 3 * 10 * 1024


def test_a_process_that_is_gone_has_no_tree(tmp_path: Path) -> None:
    assert process_tree(99, _machine(tmp_path)) == []
    assert cpu_s(99, tmp_path) == 0.0


def test_the_machine_is_busy_with_all_but_idling_and_waiting(tmp_path: Path) -> None:
    (tmp_path / "stat").write_text("cpu  10 20 30 4000 500 6 7 0 0 0\ncpu0 1 2 3 4 5 6 7 0 0 0\n")
    assert machine_cpu_s(tmp_path) == 73 / TICKS_PER_S
    assert machine_cpu_s(tmp_path / "nowhere") == 0.0


def test_a_rollup_without_pss_counts_as_nothing() -> None:
    assert parse_pss_bytes("Rss: 9 kB\n") == 0


def test_the_processor_is_named(tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text("processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\n")
    assert cpu_model(tmp_path) == "Some CPU @ 2 GHz"
    assert cpu_model(tmp_path / "nowhere") == "unknown"


def test_this_process_is_found_with_its_memory() -> None:
    assert os.getpid() in [stat.pid for stat in process_tree(os.getpid())]
    assert pss_bytes(os.getpid()) > 1_000_000
