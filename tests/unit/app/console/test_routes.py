"""The console's routes: who may ask, what a browser is told to allow, and that hostile text stays text."""

import asyncio
import re
from html.parser import HTMLParser

import pytest

from gateway.app.console.routes import FORM_BYTES_MAX, HEADERS, STATIC
from gateway.app.console.sources import Place
from tests.support.consoles import PORT, Console
from tests.support.gateways import CHAT, TEAM_KEY
from tests.unit.app.console.test_playground import SNAPSHOT

PATHS = (
    "/console",
    "/console/now",
    "/console/series",
    "/console/policy",
    "/console/receipts/req_1",
    "/console/static/console.js",
)
HOSTILE = "<img src=x onerror=alert(1)>\"'&"


class Elements(HTMLParser):
    """Every element of a page with its attributes, and the ids that there are."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.feed(markup)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    @property
    def ids(self) -> list[str]:
        return [value for _, attributes in self.seen if (value := attributes.get("id"))]


@pytest.mark.parametrize("path", ["/", *PATHS])
async def test_the_gateways_own_listener_has_no_console(path: str) -> None:
    response = await Console().ask(path, port=PORT)
    assert response.status_code == 404
    assert response.json()["error"]["code"] == "not_found"


@pytest.mark.parametrize("host", ["evil.example:8081", "evil.example", "127.0.0.1.evil.example"])
async def test_a_name_that_leads_here_is_not_answered_to(host: str) -> None:
    response = await Console().ask("/console", host=host)
    assert response.status_code == 403


@pytest.mark.parametrize("host", ["127.0.0.1:8081", "localhost:9", "[::1]:8081", "10.1.2.3"])
async def test_addresses_and_localhost_are(host: str) -> None:
    assert (await Console().ask("/console", host=host)).status_code == 200


async def test_a_form_from_another_page_is_not_taken() -> None:
    console = Console()
    app_form = {"prompt": "Hello", "model": "small"}
    assert (await console.ask("/console/playground", app_form)).status_code == 200
    bare = await console.ask("/console/playground", app_form, is_page=False)
    assert bare.status_code == 403


@pytest.mark.parametrize("path", PATHS)
async def test_every_answer_says_what_a_browser_may_do_with_it(path: str) -> None:
    response = await Console().ask(path)
    assert response.status_code == 200
    assert {name: response.headers[name] for name in HEADERS} == HEADERS
    assert "unsafe" not in HEADERS["content-security-policy"]


async def test_the_page_has_no_script_or_style_of_its_own_and_asks_nobody_else() -> None:
    page = Elements((await Console().ask("/console")).text)
    for tag, attributes in page.seen:
        assert not [name for name in attributes if name.startswith("on") or name == "style"], tag
        assert tag != "style"
        if tag == "script":
            assert (attributes["src"] or "").startswith("/console/static/")
        for name in ("src", "href", "hx-get", "hx-post", "action"):
            assert "//" not in (attributes.get(name) or ""), f"{tag} leads elsewhere"


async def test_the_page_s_files_are_there_and_kept_by_their_digest() -> None:
    console = Console()
    page = (await console.ask("/console")).text
    paths = re.findall(r'(?:src|href)="(/console/static/[^"]+)"', page)
    assert {path.split("/")[-1].split("?")[0] for path in paths} == {
        path.name for path in STATIC.iterdir() if path.suffix != ".txt"
    }
    for path in paths:
        response = await console.ask(path)
        assert response.status_code == 200
        assert "immutable" in response.headers["cache-control"]


@pytest.mark.parametrize("name", ["none.js", "htmx.LICENSE.txt", "..%2Froutes.py"])
async def test_nothing_but_the_page_s_files_is_given(name: str) -> None:
    assert (await Console().ask(f"/console/static/{name}")).status_code == 404


def test_the_vendored_scripts_come_with_their_licences() -> None:
    assert 'version:"2.0.11"' in (STATIC / "htmx.min.js").read_text()
    assert "uPlot (v1.6.32)" in (STATIC / "uPlot.iife.min.js").read_text()
    assert "Zero-Clause BSD" in (STATIC / "htmx.LICENSE.txt").read_text()
    assert "The MIT License" in (STATIC / "uPlot.LICENSE.txt").read_text()


async def test_every_part_that_changes_has_its_place_on_the_page() -> None:
    console = Console()
    parts = Elements((await console.ask("/console/now")).text)
    filled = [attributes["id"] for _, attributes in parts.seen if attributes.get("hx-swap-oob") == "innerHTML"]
    assert len(filled) == 8
    page = Elements((await console.ask("/console")).text)
    assert set(filled) <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))


async def test_figures_change_with_the_requests() -> None:
    console = Console()
    before = (await console.ask("/console/now")).text
    assert "No request yet" in before
    await console.gateway.ask(CHAT, key=TEAM_KEY)
    after = (await console.ask("/console/now")).text
    assert "No request yet" not in after
    assert 'id="open-req_1"' in after


async def test_the_series_cover_the_time_since_the_start() -> None:
    console = Console()
    await console.gateway.ask(CHAT, key=TEAM_KEY)
    console.gateway.clock.advance(10.0)
    told = (await console.ask("/console/series")).json()
    assert told["tiers"][0] == {"name": "small", "per_s": [0.2, 0.0]}


async def test_hostile_names_are_shown_as_they_are_and_do_nothing() -> None:
    console = Console()
    await console.gateway.ask({**CHAT, "model": HOSTILE}, key=TEAM_KEY)
    told = await console.ask("/console/playground", {"prompt": HOSTILE, "model": HOSTILE})
    for text in (
        told.text,
        (await console.ask("/console/now")).text,
        (await console.ask("/console/receipts/req_1")).text,
    ):
        assert not [tag for tag, _ in Elements(text).seen if tag == "img"]
    assert "&lt;img" in told.text


async def test_a_receipt_is_told_and_one_that_is_gone_says_so() -> None:
    console = Console()
    await console.gateway.ask(CHAT, key=TEAM_KEY)
    assert "team asked for auto. small answered" in (await console.ask("/console/receipts/req_1")).text
    gone = await console.ask("/console/receipts/req_2")
    assert (gone.status_code, "no longer among the last requests" in gone.text) == (200, True)


async def test_a_prompt_is_placed_by_the_policy_in_force() -> None:
    console = Console()
    console.policy.snapshot = SNAPSHOT
    told = await console.ask("/console/playground", {"prompt": "What is the capital of France?", "model": "auto"})
    assert "It would go to <strong>" in told.text


@pytest.mark.parametrize(
    ("form", "said"), [({"prompt": " ", "model": "auto"}, "Type a prompt"), ({"model": "auto"}, "Type")]
)
async def test_what_cannot_be_asked_is_said_on_the_page(form: dict[str, str], said: str) -> None:
    told = await Console().ask("/console/playground", form)
    assert (told.status_code, said in told.text) == (200, True)


async def test_a_form_is_small_and_sound() -> None:
    console = Console()
    large = await console.ask("/console/playground", {"prompt": "x" * FORM_BYTES_MAX, "model": "auto"})
    assert large.status_code == 413
    many = await console.ask("/console/playground", {f"f{number}": "" for number in range(20)})
    assert "not a form" in many.text


async def test_a_curve_is_computed_once_for_a_policy() -> None:
    console = Console()
    console.policy.snapshot = SNAPSHOT
    first, again = await asyncio.gather(console.ask("/console/curve/balanced"), console.ask("/console/curve/balanced"))
    assert first.content == again.content
    assert first.json()["tiers"] == ["small", "large"]
    assert (await console.ask("/console/curve/none")).status_code == 404


async def test_the_root_leads_to_the_console() -> None:
    response = await Console().ask("/")
    assert (response.status_code, response.headers["location"]) == (307, "/console")


async def test_several_workers_say_whose_figures_these_are_and_lead_to_the_others() -> None:
    console = Console(place=Place(2, 3, 8081, PORT))
    page = (await console.ask("/console", host="[::1]:8081")).text
    assert 'href="http://[::1]:8080/console">1</a>' in page
    assert 'href="http://[::1]:8081/console" aria-current="page">2</a>' in page
    assert "worker 2 of 3: its own figures" in (await console.ask("/console/now")).text
