"""`tiergate explain`: what would happen to a prompt, or what happened to a request, and why."""

import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final

import typer

from gateway.adapters.secrets import Secrets
from gateway.app.cli_decision import print_decision
from gateway.app.cli_output import EXIT_PROBLEMS, EXIT_USAGE, facts, output, print_json, say, stop
from gateway.app.cli_receipt import NoReceipt, fetch_receipt, print_receipt, read_receipt
from gateway.app.decision_words import decision_document
from gateway.app.explain_prompt import Answer, Question, answer
from gateway.app.policy_reading import DEFAULT_POLICY, compiler, forgiving_secrets, read_artefact, read_source
from gateway.app.settings import EXIT_CANNOT_START, CannotStart, environment
from gateway.domain.batch import Priority
from gateway.domain.errors import GatewayError
from gateway.domain.ids import ModelAlias, TierName
from gateway.domain.request import Need
from gateway.domain.tier import Secret
from gateway.policy import words
from gateway.policy.problems import render, shorten
from gateway.policy.snapshot import PolicySnapshot
from gateway.wire.caller_limits import CallerLimits, caller_limits
from gateway.wire.headers import MAX_COST_HEADER

_HELP: Final = (
    "Say where a prompt would go and why, without calling a model; or, with --id, what became of a request.\n\n"
    "The prompt goes through the gateway's own steps: constraints, difficulty model, p − λ·cost. Every tier counts as "
    "healthy, and nothing is held, cached or sent. With --id the receipt of a running gateway is told instead."
)
_EPILOG: Final = "\n".join(
    (
        "Examples:",
        '  tiergate explain "What is the capital of France?"',
        "  tiergate explain - --max-tokens 2000 --tools < prompt.txt",
        "  tiergate explain --id req_0123456789abcdef --key env:MY_KEY",
    )
)

app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)


@app.command(help=_HELP, epilog=_EPILOG)
def explain(
    prompt: Annotated[str | None, typer.Argument(help="The user's message; - reads it from standard input.")] = None,
    policy: Annotated[Path, typer.Option(help="The policy file.")] = DEFAULT_POLICY,
    model: Annotated[str, typer.Option(help="The model as a client names it.")] = "auto",
    system: Annotated[str | None, typer.Option(help="A system message before the prompt.")] = None,
    max_tokens: Annotated[int | None, typer.Option(help="The most tokens that the answer may have.", min=1)] = None,
    tools: Annotated[bool, typer.Option("--tools", help="The request has tools.")] = False,
    vision: Annotated[bool, typer.Option("--vision", help="The request has an image.")] = False,
    json_schema: Annotated[bool, typer.Option("--json-schema", help="The request asks for a JSON schema.")] = False,
    tier: Annotated[str | None, typer.Option(help="The tier named in the header x-tiergate-tier.")] = None,
    tenant: Annotated[str | None, typer.Option(help="Ask as this tenant, with what it may use.")] = None,
    max_cost_usd: Annotated[str | None, typer.Option(help="The header x-tiergate-max-cost-usd.")] = None,
    batch: Annotated[bool, typer.Option("--batch", help="The header x-tiergate-priority: batch.")] = False,
    artefacts: Annotated[Path | None, typer.Option(help="The directory of the difficulty model.")] = None,
    request_id: Annotated[str | None, typer.Option("--id", help="Tell the receipt of this request instead.")] = None,
    url: Annotated[str, typer.Option(help="With --id: the running gateway.")] = "http://127.0.0.1:8080",
    key: Annotated[str | None, typer.Option(help="With --id: the tenant's key; or env:NAME, or file:PATH.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Explain."""
    if (prompt is None) == (request_id is None):
        stop(EXIT_USAGE, "Give either a prompt or --id REQUEST_ID. An example: tiergate explain 'Hello'")
    if request_id is not None:
        tell_receipt(request_id, url, key, as_json=as_json)
        return
    assert prompt is not None, "there is no request id"
    asked = (tools, Need.TOOLS), (vision, Need.VISION), (json_schema, Need.JSON_SCHEMA)
    needs = Need(sum(need for is_asked, need in asked if is_asked))
    text = sys.stdin.read().removesuffix("\n") if prompt == "-" else prompt
    pinned = None if tier is None else TierName(tier)
    limits = _limits(max_cost_usd)
    question = Question(text, ModelAlias(model), system, max_tokens, needs, pinned, tenant, limits, batch)
    tell_prompt(question, policy, artefacts, as_json=as_json)


def _limits(max_cost_usd: str | None) -> CallerLimits:
    """Read the option as a gateway reads the header of its name.

    There is none for the deadline: it is compared with what a running gateway has seen of its tiers.
    """
    given = [] if max_cost_usd is None else [(MAX_COST_HEADER, max_cost_usd.encode())]
    try:
        return caller_limits(given, math.inf)
    except GatewayError as refusal:
        stop(EXIT_USAGE, refusal.message)


def tell_prompt(question: Question, policy: Path, artefacts: Path | None, *, as_json: bool) -> None:
    """Say what would happen to a prompt; end with exit code 1 when it would be refused."""
    try:
        artefact = read_artefact(artefacts)
    except CannotStart as problem:
        stop(EXIT_CANNOT_START, str(problem))
    try:
        source = read_source(policy)
    except CannotStart as problem:
        stop(EXIT_USAGE, str(problem))
    snapshot = compiler(artefact, forgiving_secrets())(source)
    if isinstance(snapshot, list):
        stop(EXIT_PROBLEMS, render(snapshot))
    try:
        found = answer(question, snapshot, artefact)
    except GatewayError as refusal:
        stop(EXIT_USAGE, refusal.message)
    if as_json:
        print_json(document(question, found, snapshot))
    else:
        _print(question, found, policy, snapshot)
    if found.refusal is not None:
        raise typer.Exit(EXIT_PROBLEMS)


def tell_receipt(request_id: str, url: str, key: str | None, *, as_json: bool) -> None:
    """Tell the receipt of a request."""
    try:
        fetched = read_receipt(fetch_receipt(request_id, url, _revealed(key)))
    except NoReceipt as problem:
        stop(EXIT_PROBLEMS, str(problem))
    if as_json:
        print_json(fetched.document)
    else:
        print_receipt(output(), fetched.receipt)


def _revealed(key: str | None) -> str | None:
    if key is None or not key.startswith(("env:", "file:")):
        return key
    found = Secrets(environment())(key)
    if not isinstance(found, Secret):
        stop(EXIT_USAGE, f"--key {key}: {found}")
    return found.reveal()


def _print(question: Question, found: Answer, policy: Path, snapshot: PolicySnapshot) -> None:
    console = output()
    asked = _request_facts(question, found, policy, snapshot)
    if found.decision is not None:
        print_decision(console, found.decision, asked)
    if found.refusal is not None:
        console.print(facts(asked))
        say(f"refused ({found.refusal.code}, status {found.refusal.status}): {found.refusal.message}")


def _request_facts(
    question: Question, found: Answer, policy: Path, snapshot: PolicySnapshot
) -> Iterator[tuple[str, str]]:
    request = found.request
    yield "prompt", shorten(" ".join(question.prompt.split()))
    yield "model", f"{question.model} (route {found.route.name} of {policy}, snapshot {snapshot.id})"
    if found.route.priority is Priority.BATCH:
        yield "priority", "batch: at batch prices, once there is room to spare"
    most = (
        "as long as the model likes" if request.max_output_tokens is None else f"at most {request.max_output_tokens:,}"
    )
    yield "tokens", f"about {request.input_tokens:,} in; out: {most}"
    if request.needs:
        yield "needs", words.needs(request.needs)


def document(question: Question, found: Answer, snapshot: PolicySnapshot) -> dict[str, object]:
    """Write what would happen as a document for scripts."""
    request, refusal = found.request, found.refusal
    return {
        "object": "explanation",
        "snapshot": snapshot.id,
        "model": question.model,
        "route": found.route.name,
        "priority": found.route.priority.value,
        "input_tokens": request.input_tokens,
        "max_output_tokens": request.max_output_tokens,
        "needs": [need.name.lower() for need in Need if need in request.needs and need.name],
        "decision": None if found.decision is None else decision_document(found.decision),
        "refusal": None
        if refusal is None
        else {"code": refusal.code.value, "status": refusal.status, "message": refusal.message},
    }
