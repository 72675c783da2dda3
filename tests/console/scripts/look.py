"""Look at a console with Chromium, as people would; print what is at fault as a JSON list.

python look.py CHROMIUM CONSOLE-URL FOLDER POLICY-FILE
"""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Error, sync_playwright  # type: ignore[import-not-found]  # installed for this alone

CHROMIUM, CONSOLE, SHOTS, POLICY = sys.argv[1], sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4])
ORIGIN = CONSOLE.removesuffix("/console")
OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
STOP = """(() => {
  const at = document.activeElement;
  if (at === document.body) return null; // the page is at its end
  const name = at.id || at.name || at.textContent.slice(0, 20);
  return [name, getComputedStyle(at).outlineStyle, at.matches(":focus-visible")];
})()"""
HARD = "Prove that there are infinitely many primes, and count those below 1000."
HOSTILE = '<img src=x onerror="window.broken = true"><script>window.broken = true</script>'
PHONE_PX = 360
faults: list[str] = []


def expect(holds: object, said: str) -> None:
    """Note a fault unless it holds."""
    if not holds:
        faults.append(said)


@contextmanager
def page(browser: Any, name: str, width_px: int, height_px: int, scheme: str) -> Iterator[Any]:
    """Open the console and wait for its figures; whatever goes wrong on it is a fault."""
    context = browser.new_context(viewport={"width": width_px, "height": height_px}, color_scheme=scheme)
    opened = context.new_page()
    opened.on("pageerror", lambda error: faults.append(f"{name}: the page failed: {error}"))
    opened.on("requestfailed", lambda request: faults.append(f"{name}: {request.url} failed: {request.failure}"))
    opened.on("response", lambda answer: expect(answer.status < 400, f"{name}: {answer.url} answered {answer.status}"))
    opened.on("request", lambda request: expect(request.url.startswith(ORIGIN), f"{name}: asked {request.url}"))
    opened.on("console", lambda said: expect(said.type not in ("error", "warning"), f"{name}: {said.text}"))
    opened.goto(CONSOLE)
    opened.wait_for_selector("#figures .figure")
    opened.wait_for_selector("#traffic-chart canvas", timeout=60_000)
    opened.wait_for_selector("#dial-chart canvas")
    yield opened
    wide_px = opened.evaluate("document.documentElement.scrollWidth")
    expect(wide_px <= width_px, f"{name}: the page is {wide_px} px wide, {wide_px - width_px} too many")
    expect(not opened.evaluate("window.broken"), f"{name}: hostile text did something")
    context.close()


def wait_until(opened: Any, holds: str) -> None:
    """Ask the page until an expression holds. Playwright's own way would have the page do it, which it may not."""
    for _ in range(200):
        if opened.evaluate(holds):
            return
        opened.wait_for_timeout(100)
    raise Error(f"it never came to {holds}")


def shoot(opened: Any, name: str, section: str) -> None:
    """Take a picture of the part of the page that begins with a section."""
    opened.evaluate("document.documentElement.style.scrollBehavior = 'auto'")
    opened.evaluate(f"window.scrollTo(0, document.getElementById('{section}').offsetTop - 64)")
    opened.wait_for_timeout(150)
    opened.screenshot(path=SHOTS / f"{name}-{section}.png")


def requests_told(opened: Any) -> int:
    """Return the first of the figures."""
    return int(opened.inner_text("#figures .figure:first-child dd:nth-of-type(1)").replace(",", ""))


def figures_move(opened: Any) -> None:
    """See the figures change by themselves, and stand still while they are told to."""
    before = requests_told(opened)
    wait_until(opened, f"Number(document.querySelector('#figures dd').textContent.replace(',', '')) > {before}")
    opened.click("#pause")
    # What was asked for before may still arrive.
    opened.wait_for_timeout(1_000)
    still = requests_told(opened)
    opened.wait_for_timeout(5_000)
    expect(requests_told(opened) == still, "figures move while they are paused")
    opened.click("#pause")
    wait_until(opened, f"Number(document.querySelector('#figures dd').textContent.replace(',', '')) > {still}")
    for table in ("tiers", "endpoints", "cache", "budgets", "receipts"):
        expect(opened.locator(f"#{table} tr").count() > 1, f"the table of {table} is empty")
    expect("small" in opened.inner_text("#traffic-readout"), "the chart of answers says nothing")
    expect("charged" in opened.inner_text("#money-readout"), "the chart of money says nothing")


def playground_answers(opened: Any) -> None:
    """Ask where prompts would go, a hostile one too, and turn the dial."""
    opened.fill("#prompt", HOSTILE)
    opened.press("#prompt", "Control+Enter")
    opened.wait_for_selector("#verdict .verdict")
    opened.fill("#prompt", HARD)
    opened.click("#ask button[type=submit]")
    wait_until(opened, "document.querySelector('#verdict')?.textContent.includes('About 2')")
    expect("It would go to" in opened.inner_text("#verdict"), "the playground does not say where a prompt would go")
    expect(opened.locator("#verdict svg.chance").count() == 3, "not every tier's chance is drawn")
    before = opened.inner_text("#dial-readout")
    expect(before.startswith("The policy's dial"), f"the dial begins elsewhere: {before}")
    opened.focus("#dial")
    for _ in range(6):
        opened.keyboard.press("ArrowRight")
    after = opened.inner_text("#dial-readout")
    expect(after.startswith("λ"), f"turning the dial changes nothing: {after}")
    opened.click("#dial-now")
    expect(opened.inner_text("#dial-readout") == before, "the dial does not go back")


def keyboard_reaches_all(opened: Any) -> None:
    """Go through the page with the tab key: in order, always seen, and nothing is left out that can be done."""
    opened.reload()
    opened.wait_for_selector("#receipts button")
    opened.keyboard.press("Tab")
    expect(opened.evaluate("document.activeElement.className") == "skip", "the first stop is not the skip link")
    seen = set()
    for _ in range(120):
        stop = opened.evaluate(STOP)
        if stop is None:
            break
        expect(stop[1] != "none" and stop[2], f"no focus is seen on {stop[0]}")
        seen.add(stop[0])
        opened.keyboard.press("Tab")
    for wanted in ("pause", "theme", "prompt", "model", "dial", "Decisions"):
        expect(wanted in seen, f"the tab key does not reach {wanted}")
    opened.locator("#receipts button").first.focus()
    opened.keyboard.press("Enter")
    opened.wait_for_selector("#receipt h3")
    wait_until(opened, "document.activeElement.id === 'receipt'")
    kept = opened.locator("#receipts button").first
    kept.focus()
    name = opened.evaluate("document.activeElement.id")
    opened.wait_for_timeout(2_500)
    moved = opened.evaluate("document.activeElement.id")
    is_shown = opened.locator(f"#{name}").count() > 0
    expect(moved == name or not is_shown, "what has the focus loses it when the figures change")


def themes_change(opened: Any) -> None:
    """Switch the theme by hand, and find it again after a reload."""
    paper = "getComputedStyle(document.body).backgroundColor"
    light = opened.evaluate(paper)
    opened.click("#theme")
    opened.click("#theme")
    expect(opened.evaluate(paper) != light, "the dark theme looks like the light one")
    opened.reload()
    opened.wait_for_selector("#figures .figure")
    expect(opened.inner_text("#theme") == "Theme: dark", "the theme is forgotten")


def edits_are_told(opened: Any) -> None:
    """Edit the policy well and badly, and read what the page says of it."""
    POLICY.write_text(POLICY.read_text().replace("quality: 95%", "quality: 90%"))
    wait_until(opened, "document.querySelector('#policy-content').textContent.includes('95 % → 90 %')")
    POLICY.write_text(POLICY.read_text() + "nonsense: 1\n")
    opened.wait_for_selector("#status .poor")


def main() -> None:
    """Look at it in light, in dark and on a phone."""
    with sync_playwright() as playing:
        browser = playing.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        steps: list[Callable[[Any], None]] = [figures_move, playground_answers, keyboard_reaches_all]
        with page(browser, "light", 1280, 900, "light") as opened:
            for step in steps:
                step(opened)
            for section in ("now", "decisions", "playground", "policy"):
                shoot(opened, "light", section)
            opened.evaluate("document.getElementById('receipt').scrollIntoView()")
            opened.screenshot(path=SHOTS / "light-receipt.png")
            themes_change(opened)
        with page(browser, "dark", 1280, 900, "dark") as opened:
            playground_answers(opened)
            for section in ("now", "playground"):
                shoot(opened, "dark", section)
            opened.evaluate("document.querySelector('.dial').scrollIntoView()")
            opened.screenshot(path=SHOTS / "dark-dial.png")
        for scheme in ("light", "dark"):
            # Small ones, for what is written about it.
            with page(browser, f"small-{scheme}", 1160, 640, scheme) as opened:
                shoot(opened, f"small-{scheme}", "now")
                playground_answers(opened)
                shoot(opened, f"small-{scheme}", "verdict")
        with page(browser, "phone", PHONE_PX, 780, "light") as opened:
            playground_answers(opened)
            for section in ("now", "decisions", "playground", "policy"):
                shoot(opened, "phone", section)
            edits_are_told(opened)
            shoot(opened, "phone", "policy")
        browser.close()


try:
    main()
except Error as fault:
    faults.append(f"it could not be looked at to the end: {fault}")
sys.stdout.write(json.dumps(faults))
