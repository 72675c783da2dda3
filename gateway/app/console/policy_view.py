"""The policy in force: what it does in words, how it differs from the one before, and what was wrong with an edit."""

from collections.abc import Iterator

from gateway.app.console import words
from gateway.app.console.markup import Markup, join, tag
from gateway.app.console.table import facts
from gateway.app.policy_in_force import PolicyInForce
from gateway.policy.diff import diff
from gateway.policy.explain import explain


def policy_view(policy: PolicyInForce) -> Markup:
    """Tell the policy in force."""
    snapshot, reloads = policy.snapshot, policy.reloads
    edits = f"{words.count(reloads.accepted, 'edit')} taken, {reloads.refused:,} refused since the start."
    return join(
        tag("p", "In force is ", tag("code", snapshot.id), f", read from {policy.source.name}. {edits}"),
        _problems(policy),
        _difference(policy),
        tag("div", [_paragraph(each.title, list(each.lines)) for each in explain(snapshot)], class_="paragraphs"),
    )


def _paragraph(title: str, lines: list[tuple[str, str]]) -> Markup:
    # What a route is expected to do is what most come for; the route of an alias for one tier has nothing to decide.
    is_open = title.startswith("route ") and ":" not in title
    return tag("details", tag("summary", title), facts(lines), open=is_open)


def _problems(policy: PolicyInForce) -> Markup:
    if not policy.problems:
        return Markup("")
    return tag(
        "div",
        tag("h3", "The last edit was not taken"),
        tag("ul", [tag("li", str(problem)) for problem in policy.problems]),
        class_="problems",
    )


def _difference(policy: PolicyInForce) -> Markup:
    before = policy.previous
    if before is None:
        return tag("p", "It is the first since this worker started: there is none before it to compare with.")
    lines = list(_lines(diff(before, policy.snapshot)))
    return join(
        tag("h3", "What changed since ", tag("code", before.id)),
        tag("ul", lines, class_="changes") if lines else tag("p", "Nothing that a request would notice."),
    )


def _lines(changes: list[str]) -> Iterator[Markup]:
    for change in changes:
        subject, _, said = change.partition(": ")
        yield tag("li", tag("b", subject), ": ", said)
