"""The page itself: its sections and empty tables, which are filled from then on."""

import json
from collections.abc import Mapping
from typing import Final

from gateway.app.console import words
from gateway.app.console.markup import Markup, join, tag
from gateway.app.console.playground import routes_with_a_dial
from gateway.app.console.sources import Place, Sources
from gateway.app.console.table import table
from gateway.policy.facts import tenants_of

_CONFIG: Final = {
    "allowEval": False,
    "includeIndicatorStyles": False,
    "allowScriptTags": False,
    "selfRequestsOnly": True,
    "historyEnabled": False,
}
"""htmx's: nothing that the page's content security policy would have to allow for it."""
_SECTIONS: Final = {"now": "Now", "decisions": "Decisions", "playground": "Playground", "policy": "Policy"}
_TIERS: Final = "Tier|>Share of answers|>Requests|>Charged|>First token P50 / P95|>Between tokens P50 / P95|Objective"
_ENDPOINTS: Final = "Model server|State|>Under way|>Slowness|>Says of its load|>Given up"
_CACHE: Final = "Route|>Asked before|>Asked just then|>In other words|>Misses|>Spared"
_PROOFS: Final = "In other words|>Wrong, at most|>Certain from|>Found wrong|State"
_BUDGETS: Final = "Tenant|>Budget|>Left at the last request"
_RECEIPTS: Final = "Received (UTC)|Model and tenant|Went to|Why|>Took|>Cost|>Tokens"


def shell(sources: Sources, paths: Mapping[str, str], host: str) -> Markup:
    """Write the page. `paths` are those of its files, `host` the one that it was asked for."""
    head = tag(
        "head",
        Markup('<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'),
        Markup('<meta name="color-scheme" content="light dark">'),
        tag("meta", name="htmx-config", content=json.dumps(_CONFIG)),
        tag("title", "Tiergate console"),
        *(tag("link", rel="stylesheet", href=paths[name]) for name in ("uPlot.min.css", "console.css")),
        tag("link", rel="icon", href=paths["icon.svg"]),
        tag("script", src=paths["theme.js"]),
        *(tag("script", src=paths[name], defer=True) for name in ("htmx.min.js", "uPlot.iife.min.js", "console.js")),
    )
    body = tag(
        "body",
        tag("a", "Skip to the figures", href="#now", class_="skip"),
        _header(sources.place, host),
        tag("p", class_="trouble", id="trouble", role="alert", hidden=True),
        tag("div", id="live", hx_get="/console/now", hx_trigger="load, tick", hx_swap="none"),
        tag("main", _now(sources), _decisions(sources), _playground(sources), _policy()),
        tag("noscript", "This page needs its scripts, which come from the gateway itself."),
    )
    return join(Markup("<!doctype html>"), tag("html", head, body, lang="en"))


def status_line(sources: Sources) -> Markup:
    """Say which worker of which policy this is, and what is wrong with it, if anything."""
    place, world, policy = sources.place, sources.world, sources.policy
    said = [f"up {words.ago(world.clock.wall_s() - sources.diary.began_wall_s)}", f"policy {policy.snapshot.id}"]
    edits = f"{policy.snapshot.id} {policy.reloads.accepted} {policy.reloads.refused} {len(policy.problems)}"
    if place.workers > 1:
        said.insert(0, f"worker {place.number} of {place.workers}: its own figures")
    trouble = []
    if policy.problems:
        trouble.append(tag("a", "the last edit of the policy was not taken", href="#policy", class_="state poor"))
    if world.admission.is_leaving:
        trouble.append(tag("span", "shutting down", class_="state poor"))
    return join([tag("span", each) for each in said], trouble, tag("span", id="edits", data_edits=edits, hidden=True))


def _header(place: Place, host: str) -> Markup:
    links = [tag("a", name, href=f"#{section}") for section, name in _SECTIONS.items()]
    return tag(
        "header",
        tag("h1", "Tiergate"),
        tag("nav", links, aria_label="Sections"),
        tag("p", id="status", class_="status"),
        _workers(place, host),
        tag(
            "div",
            tag("button", "Pause", type="button", id="pause", aria_pressed="false"),
            tag("button", "Theme: auto", type="button", id="theme"),
            class_="switches",
        ),
    )


def _workers(place: Place, host: str) -> Markup:
    """Link to the consoles of the other workers, each of which has figures of its own."""
    if place.workers < 2:
        return Markup("")
    written = f"[{host}]" if ":" in host else host
    links = [
        tag(
            "a",
            number,
            href=f"http://{written}:{place.admin_port_of(number)}/console",
            aria_current="page" if number == place.number else None,
        )
        for number in range(1, place.workers + 1)
    ]
    return tag("nav", "Worker ", links, class_="workers", aria_label="Workers")


def _section(name: str, *content: Markup) -> Markup:
    return tag(
        "section", tag("h2", _SECTIONS[name], id=f"{name}-title"), *content, id=name, aria_labelledby=f"{name}-title"
    )


def _now(sources: Sources) -> Markup:
    charts = [
        _chart("traffic", "Where answers come from", "requests a second, the last hour"),
        _chart("money", "What they cost", "USD a minute, the last hour"),
    ]
    return _section(
        "now",
        tag("dl", id="figures", class_="figures"),
        tag("div", charts, class_="charts"),
        tag("h3", "Tiers"),
        _live_table("tiers", "Tiers", _TIERS),
        tag("h3", "Model servers"),
        _live_table("endpoints", "Model servers", _ENDPOINTS),
        tag(
            "div",
            tag("div", tag("h3", "Cache"), _live_table("cache", "Cache", _CACHE)),
            tag("div", tag("h3", "Budgets"), _live_table("budgets", "Budgets", _BUDGETS)),
            class_="pair",
        ),
        _live_table("proofs", "Answers to the same question in other words", _PROOFS),
    )


def _chart(name: str, title: str, unit: str) -> Markup:
    caption = tag("figcaption", tag("b", title), " ", tag("span", unit, class_="beside"))
    said = tag("p", "No request in the last hour.", class_="readout", id=f"{name}-readout")
    return tag("figure", caption, tag("div", id=f"{name}-chart", class_="canvas"), said, class_="chart")


def _live_table(name: str, label: str, columns: str) -> Markup:
    """Write a table of which the rows come later, into the element of that id."""
    return table(label, columns, "", id=name)


def _decisions(sources: Sources) -> Markup:
    first = {"model": "auto", "messages": [{"role": "user", "content": "Hello"}]}
    key = "" if sources.policy.snapshot.is_open else " -H 'authorization: Bearer YOUR-KEY'"
    url = f"http://127.0.0.1:{sources.place.port}/v1/chat/completions"
    command = f"curl {url}{key} -H 'content-type: application/json' -d '{json.dumps(first)}'"
    return _section(
        "decisions",
        tag("p", "The last requests. Open one to read its receipt."),
        _live_table("receipts", "The last requests", _RECEIPTS),
        tag("details", tag("summary", "A request to try"), tag("pre", tag("code", command))),
        tag("article", id="receipt", tabindex="-1", aria_live="polite", aria_label="Receipt"),
    )


def _playground(sources: Sources) -> Markup:
    snapshot = sources.policy.snapshot
    models = [tag("option", alias, value=alias) for alias in snapshot.aliases]
    tenants = [tag("option", "somebody who may use everything", value="")]
    if not snapshot.is_open:
        tenants += [tag("option", tenant.id, value=tenant.id) for tenant, _ in tenants_of(snapshot)]
    needs = {"tools": "tools", "vision": "an image", "json_schema": "a JSON schema"}
    boxes = [
        tag("label", tag("input", type="checkbox", name=name, value="1"), f" {said}") for name, said in needs.items()
    ]
    form = tag(
        "form",
        tag("label", "Prompt", tag("textarea", name="prompt", id="prompt", rows=5, required=True)),
        tag(
            "div",
            tag("label", "Model", tag("select", models, name="model")),
            tag("label", "As tenant", tag("select", tenants, name="tenant")),
            tag("label", "Longest answer, tokens", tag("input", name="max_tokens", inputmode="numeric", size=8)),
            class_="fields",
        ),
        tag("fieldset", tag("legend", "The request has"), boxes),
        tag("button", "Where would it go?", type="submit", class_="primary"),
        tag("span", "Nothing is sent to a model, held or kept. Every server counts as healthy.", class_="beside"),
        hx_post="/console/playground",
        hx_target="#verdict",
        id="ask",
    )
    return _section("playground", form, tag("div", id="verdict", class_="answer", aria_live="polite"), _dial(sources))


def _dial(sources: Sources) -> Markup:
    routes = routes_with_a_dial(sources.policy.snapshot)
    if not routes:
        return tag("p", "No route has more than one tier, so there is no dial to turn.")
    options = [tag("option", route.name, value=route.name) for route in routes]
    slider = tag("input", type="range", id="dial", min=0, max=0, value=0, aria_describedby="dial-readout")
    return tag(
        "div",
        tag("h3", "What the dial does"),
        tag(
            "p",
            "Quality is what is kept of the strongest tier's, expected on the calibration requests; cost is a share of "
            "always using that tier.",
        ),
        tag(
            "div",
            tag("label", "Route", tag("select", options, id="dial-route")),
            tag("label", "From careful to cheap", slider, class_="wide"),
            tag("button", "Back to the policy's", type="button", id="dial-now"),
            class_="fields",
        ),
        tag("div", id="dial-chart", class_="canvas tall"),
        tag("p", id="dial-readout", class_="readout", role="status"),
        class_="dial",
    )


def _policy() -> Markup:
    content = tag("div", hx_get="/console/policy", hx_trigger="load, policy from:body", id="policy-content")
    return _section("policy", content)
