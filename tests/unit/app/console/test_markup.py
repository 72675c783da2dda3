"""Markup that cannot be broken out of."""

from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from gateway.app.console.markup import Markup, join, tag


class Seen(HTMLParser):
    """What a browser makes of it."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_an_element_has_attributes_and_children() -> None:
    made = tag("td", "a < b", tag("b", 3), class_="number", aria_label='say "x"', hidden=True, id=None, open=False)
    assert made == '<td class="number" aria-label="say &quot;x&quot;" hidden>a &lt; b<b>3</b></td>'


def test_an_element_without_an_end_has_none() -> None:
    assert tag("input", type="range", min=0) == '<input type="range" min="0">'


def test_what_is_made_of_markup_and_text_is_text_again() -> None:
    joined = tag("b", "x") + "<i>"
    assert not isinstance(joined, Markup)
    assert tag("p", joined) == "<p>&lt;b&gt;x&lt;/b&gt;&lt;i&gt;</p>"
    assert join(["<", tag("i")], 1) == "&lt;<i></i>1"


@given(st.text(), st.text())
def test_no_text_leaves_the_element_or_the_attribute_it_was_put_into(text: str, value: str) -> None:
    seen = Seen(tag("p", text, title=value))
    assert [name for name, _ in seen.tags] == ["p"]
    assert list(seen.tags[0][1]) == ["title"]
    assert seen.text.replace("\r", "\n") == text.replace("\r", "\n")
