"""R10: what slips of the pen do to the encoder's decisions, and what might make it read past them."""

import re
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from gateway.core.words import words_of
from router_models.edits import typos
from router_models.partitions import released
from router_models.probing import measured, prompts_of
from router_models.references_table import AIMS
from router_models.report import percent
from router_models.robustness import Probe, Scored, probe
from router_models.router import Router, Stage
from router_models.scientific import Doubles, logistic
from router_models.tried.attempt import Attempt, Missed
from router_models.tried.workshop import Workshop
from router_models.workbench import Bench

PROMPTS: Final = 500
EDIT: Final = "typos"
SPELLED_FROM: Final = 4
"""Letters: shorter words have too many neighbours."""
_WORD: Final = re.compile(r"[A-Za-z]+")

Mend = Callable[[str], str]
Gain = Callable[[Sequence[str]], Doubles]


def r10(shop: Workshop) -> list[Missed]:
    """Try the encoder on more prompts, on mended and on thinned texts, and together with the cheaper stage."""
    bench = shop.bench
    bench.note("R10: fit on train and valid")
    fitted = bench.fits.router(released(bench.outcomes).training)
    rows = np.flatnonzero(bench.outcomes.where(split="test"))
    drawn = np.random.default_rng(bench.seed).permutation(rows)[:PROMPTS]
    texts = [bench.outcomes.queries[row].prompt for row in drawn]
    known = frozenset(fitted.vocabulary.words)
    best = bench.stages[0]
    tries: dict[str, Gain] = {
        f"what is shipped, on {len(texts):,} prompts": _gain(bench, fitted, [best]),
        "unknown words mended by the nearest known one": _gain(bench, fitted, [best], lambda text: mended(text, known)),
        "unknown words left out": _gain(bench, fitted, [best], lambda text: thinned(text, known)),
        "mean of the positions of two stages": _gain(bench, fitted, bench.stages[:2]),
        "mean of two stages, unknown words mended": _gain(
            bench, fitted, bench.stages[:2], lambda text: mended(text, known)
        ),
    }
    found: dict[str, Probe] = {}
    for name, gain in tries.items():
        bench.note(f"R10: {name}")
        (found[name],) = probe(_scored(gain), texts, bench.seed, {EDIT: typos})
    (shipped, *_) = found.values()
    attempts = [
        Attempt(name, _told(each, len(texts)), f"{100 * (each.flips - shipped.flips):+.1f} points")
        for name, each in found.items()
    ]
    said = f"{best.value} {_told(shipped, len(texts))}"
    return [
        Missed(
            "R10", measured(prompts_of(bench, best)), AIMS["R10"].goal, said, attempts, _bounds(bench, fitted, texts)
        )
    ]


def mended(text: str, known: frozenset[bytes]) -> str:
    """Put in the place of each unknown word the known one that a swap of two letters or one letter more makes of it."""
    return _WORD.sub(lambda found: _nearest(found[0], known), text)


def thinned(text: str, known: frozenset[bytes]) -> str:
    """Leave unknown words out."""
    return _WORD.sub(lambda found: found[0] if words_of(found[0])[0] in known else "", text)


def _nearest(word: str, known: frozenset[bytes]) -> str:
    told = word.lower()
    if len(told) < SPELLED_FROM or told.encode() in known:
        return word
    cuts = [(told[:at], told[at:]) for at in range(len(told) + 1)]
    swapped = [head + tail[1] + tail[0] + tail[2:] for head, tail in cuts if len(tail) > 1]
    shorter = [head + tail[1:] for head, tail in cuts if tail]
    return next((each for each in (*swapped, *shorter) if each.encode() in known), word)


def _gain(bench: Bench, fitted: Router, stages: Sequence[Stage], mend: Mend = lambda text: text) -> Gain:
    weak, strong = bench.pair()

    def gain(texts: Sequence[str]) -> Doubles:
        read = fitted.on(bench.read([mend(text) for text in texts], with_encoder=Stage.ENCODER in stages))
        rows = np.arange(len(texts))
        latent = np.mean([read.latent(rows, stage) for stage in stages], axis=0)
        modelled = logistic(read.space.logits(latent))
        share = read.familiarity(rows)[:, None].astype(np.float64)
        chance = share * modelled + (1 - share) * read.priors
        found: Doubles = chance[:, strong] - chance[:, weak]
        return found

    return gain


def _scored(gain: Gain) -> Callable[[Sequence[str]], Scored]:
    return lambda texts: Scored(gain(texts), np.ones((len(texts), 2)))


def _told(found: Probe, prompts: int) -> str:
    error = 1.96 * (found.flips * (1 - found.flips) / max(found.applied * prompts, 1)) ** 0.5
    return f"{percent(found.flips)} ± {percent(error)} % flip"


def _bounds(bench: Bench, fitted: Router, texts: Sequence[str]) -> list[str]:
    """Say how near to the threshold the decisions lie that a slip flips."""
    gain = _gain(bench, fitted, [bench.stages[0]])
    plain, slipped = gain(texts), gain([typos(text, bench.seed + at) for at, text in enumerate(texts)])
    away = np.abs(plain - np.median(plain))
    flipped = (plain > np.median(plain)) != (slipped > np.median(plain))
    nearest = away <= np.quantile(away, 0.2)
    among = float(flipped[nearest].sum() / max(flipped.sum(), 1))
    moved = float(np.median(np.abs(slipped - plain)))
    return [
        f"One slip moves the gain by {moved:.3f} in the median, and half of all queries lie within "
        f"{float(np.median(away)):.3f} of the threshold; {percent(among)} % of the flips are among the fifth that lies "
        f"nearest to it, where the two tiers are worth the same."
    ]
