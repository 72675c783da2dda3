"""The model card's section on what was tried: row by row, so that a run of some rows leaves the others as they were."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from router_models.card import markdown
from router_models.report import Table
from router_models.tried.attempt import Missed

TITLE: Final = "What was tried for each goal that is missed, and what bounds it"
HEAD: Final = """\
Written by `python -m router_models tried`: on the folds, draws and seeds of `evaluate`, beside its best stage. "Less
shipped" has a paired interval where the figure is an APGR. Sizes are of half floats, times of a text that is already
read, on a shared machine; an encoder's own pass comes on top where its layers are named.

What reaches its goal and does not ship: R2's nearest texts and kernel (0.669 and 0.660, the goal 0.66), which have
seen nothing but this one kind of task and order subjects that are not in training by 0.603 and 0.610 (R3; shipped
0.636); and R4's mean of ranks (0.651, the goal 0.65), which takes 15 ms a text and 5 MB for this one pair of models,
where a stage has 1 ms and all 86 models together 12 MB. Of R6's tries on MMLU-Pro several lie 15 points below the
zero-router, as what is shipped does, and none keeps 99 % of the quality on test, though λ does on valid. R8's maps by
kind of task (0.010 and 0.001, the goal 0.02) need to know which benchmark a request is of, and its heads per model
(0.005 to 0.013) say nothing of a tier whose ability was measured, and lose R3 as above."""
_MARK: Final = "### "
_PART: Final = re.compile(rf"^(?={_MARK}R\d+: )", re.MULTILINE)
_NEXT: Final = re.compile(r"^## ", re.MULTILINE)


def with_tried(card: str, found: Mapping[str, Sequence[Missed]]) -> str:
    """Return a card in which the protocols that were tried are written anew, and those of earlier runs stay.

    A protocol with nothing missed loses its part.
    """
    parts = {name: text for name, text in parts_of(section_of(card)).items() if name not in found}
    parts |= {name: "\n".join(map(part_of, missed)) for name, missed in found.items() if missed}
    ordered = [parts[name] for name in sorted(parts, key=lambda name: int(name[1:]))]
    return with_section(card, "\n".join([f"## {TITLE}\n\n{HEAD}\n", *ordered]) if ordered else "")


def with_section(card: str, section: str) -> str:
    """Return a card with another section in the place of the one it has, or at its end."""
    start, end = _span(card)
    before, after = card[:start].rstrip("\n"), card[end:]
    middle = f"\n\n{section.rstrip()}\n" if section else "\n"
    return f"{before}{middle}{'' if not after else chr(10)}{after}"


def section_of(card: str) -> str:
    """Return the section of a card, empty where it has none."""
    start, end = _span(card)
    return card[start:end].rstrip("\n") + "\n" if end > start else ""


def parts_of(section: str) -> dict[str, str]:
    """Return a section's text by protocol."""
    parts: dict[str, str] = {}
    for text in _PART.split(section)[1:]:
        name = text[len(_MARK) : text.index(":")]
        parts[name] = f"{parts[name]}\n{text.rstrip()}\n" if name in parts else f"{text.rstrip()}\n"
    return parts


def part_of(missed: Missed) -> str:
    """Return what is said of one goal, as Markdown."""
    table = missed.table()
    told = markdown(Table(table.title, table.columns, table.rows)).replace("## ", _MARK, 1)
    return "\n".join([told, *(f"- {bound}" for bound in missed.bounds), ""])


def _span(card: str) -> tuple[int, int]:
    start = card.find(f"## {TITLE}\n")
    if start < 0:
        return len(card), len(card)
    after = _NEXT.search(card, start + 1)
    return start, len(card) if after is None else after.start()
