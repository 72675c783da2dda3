"""In what two questions plainly differ: evidence for a receipt, which the verifier has weighed among all else.

By themselves these rules are no verdict: rewordings change numbers and names as well, and where they do is for labels
to say.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from gateway.core.pair_alignment import Alignment, is_joined
from gateway.domain.question import Guard, GuardKind, Question


def guards(asked: Question, cached: Question, pair: Alignment) -> frozenset[Guard]:
    """Return the differences between two questions, of which `pair` is the alignment."""
    return frozenset((*_counted(asked, cached), *_denied(asked, cached, pair), *_worded(asked, cached, pair)))


def _counted(asked: Question, cached: Question) -> Iterator[Guard]:
    for kind, here, there in (
        (GuardKind.NUMBER, asked.numbers, cached.numbers),
        (GuardKind.UNIT, asked.units, cached.units),
    ):
        # A unit that one question leaves out is no other unit.
        if sorted(here) != sorted(there) and (kind is GuardKind.NUMBER or (here and there)):
            yield Guard(kind, _rest(here, there), _rest(there, here))
    if asked.scripts != cached.scripts:
        yield Guard(GuardKind.LANGUAGE, ", ".join(sorted(asked.scripts)), ", ".join(sorted(cached.scripts)))


def _denied(asked: Question, cached: Question, pair: Alignment) -> Iterator[Guard]:
    for here, there in pair.opposites:
        yield Guard(GuardKind.ANTONYM, here, there)
    denials, denials_cached = len(asked.denials), len(cached.denials)
    if (denials + denials_cached + len(pair.opposites)) % 2 and denials != denials_cached:
        yield Guard(GuardKind.NEGATION, _rest(asked.denials, cached.denials), _rest(cached.denials, asked.denials))


def _worded(asked: Question, cached: Question, pair: Alignment) -> Iterator[Guard]:
    here = [asked.words[at] for at in pair.unmatched if asked.names[at]]
    there = [cached.words[to] for to in pair.unmatched_back if cached.names[to]]
    if here and there:
        yield Guard(GuardKind.NAME, " ".join(here), " ".join(there))
    apart = [(at, later) for at, later in pair.moved if not is_joined(asked.words, at, later)]
    if apart and not pair.content and not pair.content_back:
        at, later = apart[0]
        first, second = asked.words[at], asked.words[later]
        yield Guard(GuardKind.ORDER, f"{first} … {second}", f"{second} … {first}")


def _rest(here: Sequence[str], there: Iterable[str]) -> str:
    return ", ".join((Counter(here) - Counter(there)).elements())
