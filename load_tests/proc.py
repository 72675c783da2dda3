"""CPU time and memory of a process and all its descendants, read from /proc (Linux)."""

import os
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Stat:
    """What of /proc/<pid>/stat is needed. `ticks` is user and system time together."""

    pid: int
    parent: int
    ticks: int


def parse_stat(text: str) -> Stat:
    """Read a stat line. The command stands in parentheses and may itself hold spaces and parentheses."""
    pid, _, rest = text.partition(" (")
    fields = rest.rpartition(")")[2].split()
    return Stat(int(pid), int(fields[1]), int(fields[11]) + int(fields[12]))


def parse_pss_bytes(text: str) -> int:
    """Read the proportional set size out of smaps_rollup."""
    for line in text.splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0


def process_tree(root: int, proc: Path = PROC) -> list[Stat]:
    """Return the process and its descendants, as far as they are alive."""
    stats = {stat.pid: stat for stat in _all_stats(proc)}
    children: dict[int, list[int]] = {}
    for stat in stats.values():
        children.setdefault(stat.parent, []).append(stat.pid)
    found, left = [], [root]
    while left:
        pid = left.pop()
        if pid in stats:
            found.append(stats[pid])
        left += children.get(pid, [])
    return found


def cpu_s(root: int, proc: Path = PROC) -> float:
    """Return the CPU time spent so far by the tree, user and system."""
    return sum(stat.ticks for stat in process_tree(root, proc)) / TICKS_PER_S


def machine_cpu_s(proc: Path = PROC) -> float:
    """Return the CPU time spent so far by everything on the machine, all cores together."""
    for line in _read(proc / "stat").splitlines():
        if line.startswith("cpu "):
            user, nice, system, _, _, interrupts, soft_interrupts = (int(ticks) for ticks in line.split()[1:8])
            return (user + nice + system + interrupts + soft_interrupts) / TICKS_PER_S
    return 0.0


def pss_bytes(root: int, proc: Path = PROC) -> int:
    """Return the memory of the tree, shared pages divided among those who share them."""
    return sum(parse_pss_bytes(_read(proc / str(stat.pid) / "smaps_rollup")) for stat in process_tree(root, proc))


def cpu_model(proc: Path = PROC) -> str:
    """Return what the machine calls its processor."""
    for line in _read(proc / "cpuinfo").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return "unknown"


def _all_stats(proc: Path) -> list[Stat]:
    texts = (_read(entry / "stat") for entry in proc.iterdir() if entry.name.isdigit())
    return [parse_stat(text) for text in texts if text]


def _read(path: Path) -> str:
    """Return the file's text; nothing when the process is gone or not ours."""
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError):
        return ""
