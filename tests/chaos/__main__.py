"""`python -m tests.chaos`: break real processes on purpose for some minutes, and judge what their clients saw.

The campaign runs in a process group of its own, all of which is killed at the end, however that comes about; then its
histories are judged. Status 1: a promise was broken. Status 2: one was not put to the test, or nothing ran.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import uvloop
from rich.console import Console

from load_tests.progress import progress_line
from tests.chaos.campaign import Terms, run_campaign
from tests.chaos.evidence import read_evidence
from tests.chaos.report import judge, markdown

SPARE_S = 240.0
"""Beyond the time for faults: for the start, the last fault, and coming to rest."""
EXAMPLES = """examples:
  python -m tests.chaos --faults 500
  python -m tests.chaos --faults 50 --minutes 3 --seed 7 --report chaos
  python -m tests.chaos --judge FOLDER
"""


def main() -> int:
    """Run a campaign, or judge one again."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.chaos",
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--faults", type=int, default=500, help="faults to inject (%(default)s)")
    parser.add_argument("--minutes", type=float, default=30.0, help="time for them at most (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the schedule (%(default)s)")
    parser.add_argument("--report", type=Path, metavar="NAME", help="write NAME.md and NAME.json")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep histories, journals and logs in a new folder")
    parser.add_argument("--judge", type=Path, metavar="FOLDER", help="judge what was kept there, and run nothing")
    parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    terms = Terms(given.faults, given.minutes * 60.0, given.seed)
    if given.inside is not None:
        threading.Thread(target=_end_with_the_starter, daemon=True).start()
        uvloop.run(run_campaign(terms, given.inside, _tell))
        return 0
    if given.judge is not None:
        return _judge(given.judge, given.report)
    with _folder(given.keep) as folder:
        if not _run_apart(terms, folder):
            return 2
        return _judge(folder, given.report)


def _judge(folder: Path, name: Path | None) -> int:
    report = judge(read_evidence(folder))
    text = markdown(report)
    if name is not None:
        name.with_suffix(".md").write_text(text)
        name.with_suffix(".json").write_text(json.dumps(report.to_json(), indent=1) + "\n")
    sys.stdout.write(text)
    return report.exit_code


def _run_apart(terms: Terms, folder: Path) -> bool:
    """Run the campaign in a process group of its own and leave none of it; tell whether it came to its end."""
    command = [sys.executable, "-m", "tests.chaos", "--inside", str(folder), "--faults", str(terms.faults)]
    command += ["--minutes", str(terms.within_s / 60.0), "--seed", str(terms.seed)]
    # It reads a pipe that only we hold: when we end, however that happens, it reads the end.
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    limit = threading.Timer(terms.within_s + SPARE_S, _kill_group, (process.pid,))
    limit.start()
    # SIGTERM is to run what stands in `finally`, as Ctrl-C does.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(2))
    told = Console(stderr=True)
    try:
        with progress_line(told) as say:
            assert process.stdout is not None
            for line in process.stdout:
                say(line.rstrip())
        ended_well = process.wait() == 0
    finally:
        limit.cancel()
        _kill_group(process.pid)
        process.communicate()
    if not ended_well:
        told.print(f"the campaign did not come to its end (exit code {process.returncode})", markup=False)
    return ended_well


def _end_with_the_starter() -> None:
    """Kill the process group of the campaign, this process too, once whoever started it is gone."""
    # Not through sys.stdin, whose lock a thread that waits would hold at the end of the interpreter.
    os.read(sys.stdin.fileno(), 1)
    os.killpg(0, signal.SIGKILL)


def _kill_group(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


@contextmanager
def _folder(kept: Path | None) -> Iterator[Path]:
    if kept is not None:
        kept.mkdir(parents=True)
        yield kept
        return
    with tempfile.TemporaryDirectory(prefix="tiergate-chaos-") as folder:
        yield Path(folder)


def _tell(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
