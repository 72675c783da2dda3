"""Measures what gateways cost and stand. Each command has examples under `--help`."""

import argparse
import json
import sys
from pathlib import Path
from typing import Protocol

from load_tests import (
    cache_quality,
    cli_compare,
    cli_overload,
    cli_prefix,
    cli_redis_loss,
    cli_single_flight,
    cli_slow_clients,
    flood,
    model_server,
    parts,
    purge,
    scoring,
    semantic_index,
    stages,
)
from load_tests.answers import MARKER
from load_tests.driver import drive
from load_tests.plan import MAX_REQUESTS, Plan, RefusedLoad

EXAMPLES = """examples:
  python -m load_tests serve --port 9101 --chunk-ms 10
  python -m load_tests drive --port 9101 --body request.json --connections 64 --seconds 5
  python -m load_tests drive --port 9101 --body request.json --rate 100 --seconds 10
  python -m load_tests compare --gateway tiergate,nginx --rounds 5
  python -m load_tests overload --seconds 10
  python -m load_tests slow_clients --clients 2000
  python -m load_tests redis_loss
  python -m load_tests single_flight --crowd 200 --gateways 2
  python -m load_tests purge
  python -m load_tests flood --requests 5000
  python -m load_tests parts
  python -m load_tests stages
  python -m load_tests scoring
  python -m load_tests semantic_index
  python -m load_tests prefix
  python -m load_tests cache_quality
"""


class Command(Protocol):
    """A module with a command's options and what it does; `run` returns the exit status."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None: ...

    def run(self, options: argparse.Namespace) -> int: ...


COMMANDS: tuple[tuple[str, Command, str], ...] = (
    ("serve", model_server, "a simulated model server on loopback"),
    ("compare", cli_compare, "measure gateways side by side, print a table"),
    ("overload", cli_overload, "three times what a gateway can do, and what becomes of it"),
    ("slow_clients", cli_slow_clients, "measure good requests beside thousands of slow clients"),
    ("redis_loss", cli_redis_loss, "what requests feel while Redis is frozen, killed and started again"),
    ("single_flight", cli_single_flight, "a crowd that asks the same at once, over several gateways"),
    ("purge", purge, "how soon a purge is felt by every gateway"),
    ("flood", flood, "score thousands of requests at once, and watch the event loop"),
    ("parts", parts, "what telemetry, the cache, a hit and other APIs cost, with and without by turns"),
    ("stages", stages, "price every stage of a request"),
    ("scoring", scoring, "time the difficulty model"),
    ("semantic_index", semantic_index, "search like questions in the process and by servers, side by side"),
    ("prefix", cli_prefix, "replay recorded traffic through the choice of servers"),
    ("cache_quality", cache_quality, "how often semantic hits are wrong, on labelled pairs"),
)


def main(arguments: list[str] | None = None) -> int:
    """Run one of the commands; 2 on a load that is refused, or that found no server."""
    parser = argparse.ArgumentParser(
        prog="python -m load_tests", description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawTextHelpFormatter
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    driving = commands.add_parser("drive", help="load one server on loopback, print the figures as JSON")
    _add_drive_arguments(driving)
    driving.set_defaults(run=_drive)
    for name, module, about in COMMANDS:
        command = commands.add_parser(name, help=about, formatter_class=argparse.RawDescriptionHelpFormatter)
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    options = parser.parse_args(arguments)
    try:
        return int(options.run(options))
    except RefusedLoad as refusal:
        print(f"refused: {refusal}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"failed: {error}", file=sys.stderr)
        return 2


def _add_drive_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default="127.0.0.1", help="a loopback address; others are refused")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--path", default="/v1/chat/completions")
    parser.add_argument("--body", type=Path, required=True, help="file; eight zeros in it become the request's number")
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--rate", type=float, help="requests a second of an open loop; without it, a closed loop")
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--warmup", type=float, default=0.0, metavar="SECONDS", help="not recorded")
    parser.add_argument("--requests", type=int, default=MAX_REQUESTS, help="stop after so many")
    parser.add_argument("--stream", action="store_true", help="expect stamped chunks and an end")
    parser.add_argument("--sheds", action="store_true", help="count 429 and 503 as turned away, not as wrong")
    parser.add_argument("--marker", default=MARKER, help="text that a plain answer must hold")
    parser.add_argument("--header", action="append", default=[], metavar="NAME: VALUE")


def _drive(options: argparse.Namespace) -> int:
    plan = Plan(
        host=options.host,
        port=options.port,
        path=options.path,
        body=options.body.read_bytes(),
        connections=options.connections,
        rate_per_s=options.rate,
        duration_s=options.seconds,
        warmup_s=options.warmup,
        max_requests=options.requests,
        stream=options.stream,
        may_be_shed=options.sheds,
        marker=options.marker.encode(),
        headers=tuple((name.strip(), value.strip()) for name, _, value in (h.partition(":") for h in options.header)),
    )
    print(json.dumps(drive(plan).to_json()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
