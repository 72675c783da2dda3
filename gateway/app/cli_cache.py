"""`tiergate cache`: how the cache of a running gateway fares, what to forget of it, and what it would give."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any, Final, TypeAlias

import typer

from gateway.app.cli_cache_words import print_explanation, print_purge, print_stats
from gateway.app.cli_output import EXIT_PROBLEMS, EXIT_USAGE, output, print_json, stop
from gateway.app.gateway_client import CannotAsk, ask
from gateway.domain.request import Operation
from gateway.policy.scales import DURATION

AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Url: TypeAlias = Annotated[str, typer.Option(help="The running gateway, on this machine.")]
HERE: Final = "http://127.0.0.1:8080"

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    help="Look into the cache of a running gateway, and purge it. On the machine that the gateway runs on.",
    epilog="Examples:\n  tiergate cache stats\n  tiergate cache purge --tenant search-team --route balanced --dry-run",
)


@app.command(epilog="Examples:\n  tiergate cache stats\n  tiergate cache stats --tenant search-team --json")
def stats(
    tenant: Annotated[str | None, typer.Option(help="Of this tenant, with what is held of its answers.")] = None,
    url: Url = HERE,
    as_json: AsJson = False,
) -> None:
    """Tell what the cache gave, saved and holds, since the start of the worker that answers."""
    told = _ask("GET", url, "/admin/cache/stats", params={} if tenant is None else {"tenant": tenant})
    if as_json:
        print_json(told)
    else:
        print_stats(output(), told)


@app.command(
    epilog="Examples:\n"
    "  tiergate cache purge --tenant search-team --dry-run\n"
    "  tiergate cache purge --tenant search-team --route balanced --older-than 2h\n"
    "  tiergate cache purge --tenant search-team --entry 9f2c…"
)
def purge(
    tenant: Annotated[str, typer.Option(help="Whose answers: a tenant, or a group as group:NAME.")],
    route: Annotated[str | None, typer.Option(help="Only those given on this route.")] = None,
    entry: Annotated[str | None, typer.Option(help="Only this one: an answer's x-tiergate-cache-entry.")] = None,
    older_than: Annotated[str | None, typer.Option(help="Only those older than this: 90s, 30m, 2h, 7d.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count them, and purge nothing.")] = False,
    url: Url = HERE,
    as_json: AsJson = False,
) -> None:
    """Forget kept answers, everywhere within a quarter of a second. Exit code 1 when some worker may not have heard."""
    order = {
        "tenant": tenant,
        "route": route,
        "entry": entry,
        "older_than_s": None if older_than is None else _seconds(older_than),
        "dry_run": dry_run,
    }
    told = _ask("POST", url, "/admin/cache/purge", document=order)
    if as_json:
        print_json(told)
    else:
        print_purge(output(), told)
    if told.get("unreached_workers"):
        raise typer.Exit(EXIT_PROBLEMS)


@app.command(
    epilog='Examples:\n  tiergate cache explain --tenant search-team --prompt "What is the capital of France?"\n'
    "  tiergate cache explain --tenant search-team request.json"
)
def explain(
    file: Annotated[str | None, typer.Argument(help="A file with the request's body; - reads standard input.")] = None,
    tenant: Annotated[str, typer.Option(help="Who would ask.")] = "open",
    prompt: Annotated[str | None, typer.Option(help="Instead of a file: the user's message.")] = None,
    model: Annotated[str, typer.Option(help="With --prompt: the model as a client names it.")] = "auto",
    temperature: Annotated[float, typer.Option(help="With --prompt: the temperature.")] = 0.0,
    key: Annotated[str | None, typer.Option(help="The name of the tenant's key, such as search-team/1.")] = None,
    operation: Annotated[Operation, typer.Option(help="What is asked.")] = Operation.CHAT,
    url: Url = HERE,
    as_json: AsJson = False,
) -> None:
    """Tell whether a request would be given a kept answer, and why not. Exit code 1 when it would not."""
    if (file is None) == (prompt is None):
        stop(EXIT_USAGE, 'Give either a file or --prompt. An example: tiergate cache explain --prompt "Hello"')
    if file is None:
        request = {"model": model, "messages": [{"role": "user", "content": prompt}], "temperature": temperature}
    else:
        request = _read_request(file)
    question = {"tenant": tenant, "key": key, "operation": operation.value, "request": request}
    told = _ask("POST", url, "/admin/cache/explain", document=question)
    if as_json:
        print_json(told)
    else:
        print_explanation(output(), told)
    if not told["would_hit"]:
        raise typer.Exit(EXIT_PROBLEMS)


def _ask(
    method: str,
    url: str,
    path: str,
    *,
    document: dict[str, Any] | None = None,
    params: dict[str, str] | None = None,
) -> dict[str, Any]:
    try:
        return ask(method, url, path, document=document, params=params)
    except CannotAsk as problem:
        stop(EXIT_PROBLEMS, str(problem))


def _seconds(text: str) -> float:
    value = DURATION.read(text)
    if value is None or value < 0:
        stop(EXIT_USAGE, f"--older-than {text}: expected {DURATION.noun} such as 90s, 30m, 2h or 7d")
    return float(value)


def _read_request(file: str) -> Any:
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        stop(EXIT_USAGE, f"{file} cannot be read: {error}")
    try:
        return json.loads(text)
    except ValueError as error:
        stop(EXIT_USAGE, f"{file} is no JSON: {error}")
