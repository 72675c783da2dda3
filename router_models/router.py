"""The whole router: three stages in one latent space, calibrated, and what each does out of its domain.

1. The dearest stage (words, shape and the encoder's pools; without those: static) is fitted together with the
   abilities, which fix the space. A space from words alone cost the encoder 0.006 in log loss, one from pools alone
   cost the folded stage as much.
2. The cheaper stages are fitted to that space: folded on words and shape, static on those and the static vector.
3. Ground: what length alone says. A text unlike all training texts gets mostly that: on kinds of task that were not in
   training, content misleads and length does not (`MODEL_CARD.md`, R5), so with the likeness t of a text

       z = z_ground + g · (z_content - z_ground) + r · n · step,    r = clip((t - low)/(high - low))
                                                                    g = GROUND_SHARE + (1 - GROUND_SHARE) · r

   where `step` is the mean of those that the known texts nearest to it ask (`known_texts.py`): what their outcomes say
   beyond the fit, each step taken from a position that a fit without that text gave. The static stage and the encoder
   look among the known texts by their own vectors.
4. A Platt map per reference, and two factors per stage, from texts that none of these fits has seen.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gateway.core.folded import GROUND_SHARE
from gateway.core.known_texts import ENCODER_NUMBERS
from router_models.data import Floats, Mask, Outcomes
from router_models.design import Design, Vocabulary, build_design, learn_vocabulary
from router_models.heads import Head, Space, fit_head
from router_models.known_texts import KnownTexts, learn_known, newton_steps
from router_models.low_rank import SEED, Settings, fit
from router_models.platt import platt, stretch
from router_models.ridges import held_best, mean_log_loss
from router_models.scientific import Doubles, logistic
from router_models.static_table import unit
from router_models.texts import Texts

Rows = NDArray[np.intp]
Note = Callable[[str], None]

TUNE_SHARE: Final = 0.1
"""Of the training groups, so many are kept from the fits to calibrate on."""
STATIC_BY: Final = 3.0
POOLS_BY: Final = 384**-0.5
"""Dense features are scaled to what their ridge assumes: each pool about as long as a text's words."""
GROUND_SCALARS: Final = 2
"""The first two scalars are the text's length and its square."""
GROUND_RIDGE: Final = 1e-6
CROSS_PARTS: Final = 2
CROSS_SEED: Final = 3
CROSS_ITERATIONS: Final = 40
"""After so many the log loss of what was left out falls no further."""
ABILITY_SETTINGS: Final = Settings(
    word_ridge=1e-3, scalar_ridge=6e-4, loading_ridge=2e-4, mean_loading_ridge=2e-4, iterations=100
)
"""Ridges by log loss on the valid split. With 150 iterations, where that loss is 0.0006 lower, one fold of MMLU and of
GSM8K were ordered worse: stopping early is a ridge on whatever is slow to fit."""


class Stage(StrEnum):
    """The stages that a score can come from, cheapest first."""

    FOLDED = "folded"
    STATIC = "static"
    ENCODER = "encoder"


@dataclass(frozen=True, slots=True)
class StageModel:
    """One stage's head, and the factors that calibrate it."""

    head: Head
    factor: float
    near: float
    """How far the step is gone that near texts ask."""
    spread: Floats
    """Per coordinate, the standard deviation of what the best stage would still add; zeros for the best one."""


@dataclass(frozen=True, slots=True)
class Router:
    """A fitted router with the texts it was made for.

    `known` are the texts whose outcomes are known, by the stages that look among them.
    """

    texts: Texts
    design: Design
    vocabulary: Vocabulary
    space: Space
    stages: dict[Stage, StageModel]
    ground: Head
    known: dict[Stage, KnownTexts]
    priors: Floats
    tune: Rows
    """What the maps were set on, and no head was fitted on."""

    @property
    def best(self) -> Stage:
        """Return the dearest stage there is."""
        return list(self.stages)[-1]

    def latent(self, rows: Rows, stage: Stage) -> Floats:
        """Return texts x K, what is not like training texts moved to the ground. For texts that were not fitted on."""
        content = self.content(rows, stage)
        if stage is Stage.FOLDED:
            # It has no vectors to tell how like a text is; the next stage has, and is asked where that matters.
            return content
        known = self.known[stage]
        near = known.near(place_vectors(self.texts, stage)[rows])
        ground = self.ground.latent(None, ground_features(self.design)[rows])
        rise = known.rise(near.likeness)[:, None]
        share = GROUND_SHARE + (1 - GROUND_SHARE) * rise
        step = np.float32(self.stages[stage].near) * rise * near.step
        return (ground + share * (content - ground) + step).astype(np.float32)

    def content(self, rows: Rows, stage: Stage) -> Floats:
        """Return texts x K, where a stage's head puts texts."""
        model = self.stages[stage]
        dense = stage_features(self.texts, self.design, stage)[rows]
        return (model.head.latent(self.design.words[rows], dense) * model.factor).astype(np.float32)

    def chance(self, rows: Rows, stage: Stage) -> Doubles:
        """Return texts x references P(acceptable), mixed with the references' priors by familiarity."""
        known = self.familiarity(rows)[:, None].astype(np.float64)
        found: Doubles = known * logistic(self.space.logits(self.latent(rows, stage))) + (1 - known) * self.priors
        return found

    def familiarity(self, rows: Rows) -> Floats:
        """Return how much of each text is in known words, 0..1."""
        return self.design.familiarity[rows]

    def undecided(self, rows: Rows, stage: Stage, weak: int, strong: int, threshold: float, width: float) -> Mask:
        """Tell which texts this stage hands on: the gain lies within `width` standard deviations of the threshold."""
        latent = self.latent(rows, stage)
        p = logistic(self.space.logits(latent))[:, [weak, strong]]
        slopes = p * (1 - p)
        loadings = self.space.loadings
        gradient = slopes[:, 1:] * loadings[strong] - slopes[:, :1] * loadings[weak]
        deviation = np.sqrt(((gradient * self.stages[stage].spread) ** 2).sum(axis=1))
        near: Mask = np.abs(p[:, 1] - p[:, 0] - threshold) < width * deviation
        return near

    def on(self, texts: Texts) -> "Router":
        """Return the same router for other texts."""
        return replace(self, texts=texts, design=build_design(texts.features, self.vocabulary))


def with_one(dense: Floats) -> Floats:
    """Add a column of ones, whose weight is the constant."""
    return np.hstack([dense, np.ones((len(dense), 1), np.float32)]).astype(np.float32)


def place_vectors(texts: Texts, stage: Stage) -> Floats:
    """Return the vectors by which a stage looks among the known texts."""
    return unit(texts.vectors[:, :ENCODER_NUMBERS]) if stage is Stage.ENCODER else texts.static


def stage_features(texts: Texts, design: Design, stage: Stage) -> Floats:
    """Return the dense features of a stage, scaled for the ridge."""
    if stage is Stage.FOLDED:
        return with_one(design.scalars)
    further = texts.static * np.float32(STATIC_BY) if stage is Stage.STATIC else texts.pools * np.float32(POOLS_BY)
    return with_one(np.hstack([design.scalars, further]))


def fit_router(
    outcomes: Outcomes,
    texts: Texts,
    training: Mask,
    settings: Settings = ABILITY_SETTINGS,
    *,
    seed: int = SEED,
    note: Note | None = None,
) -> Router:
    """Fit every stage on some of the queries; no other query's outcome is looked at."""
    raw = uncalibrated(outcomes, texts, training, settings, seed, note or (lambda _: None))
    return _calibrated(raw, outcomes, np.setdiff1d(np.flatnonzero(training), raw.tune))


def uncalibrated(outcomes: Outcomes, texts: Texts, training: Mask, settings: Settings, seed: int, say: Note) -> Router:
    """Fit the heads, the ground and the known texts' steps; maps, factors, spreads and priors are still to be set."""
    vocabulary = learn_vocabulary(texts.features, training)
    design = build_design(texts.features, vocabulary)
    groups = np.array([query.group for query in outcomes.queries])
    part = group_parts(groups, seed)
    tune = training & (part < TUNE_SHARE)
    fitted = training & ~tune
    known = [stage for stage in Stage if stage is not Stage.ENCODER or texts.has_encoder]
    score, seen = outcomes.score[fitted], outcomes.seen[fitted]
    say(f"{known[-1]} stage and abilities")
    dearest = stage_features(texts, design, known[-1])

    def left_out(found: tuple[Space, Head]) -> float:
        logits = found[0].logits(found[1].latent(design.words[tune], dearest[tune]))
        return mean_log_loss(logits, outcomes.score[tune].astype(np.float64), outcomes.seen[tune])

    settings, (space, best) = held_best(
        settings,
        int(fitted.sum()),
        lambda held: _joint(design, dearest, score, seen, fitted, held, seed),
        left_out,
    )
    heads = {known[-1]: best}
    for stage in known[:-1]:
        say(f"{stage} stage")
        dense = stage_features(texts, design, stage)[fitted]
        heads[stage] = fit_head(design.words[fitted], dense, score, seen, space, settings)
    ground = fit_head(None, ground_features(design)[fitted], score, seen, space, settings, dense_ridge=GROUND_RIDGE)
    none = np.zeros(settings.latent, np.float32)
    stages = {stage: StageModel(heads[stage], 1.0, 0.0, none) for stage in known}
    say("known texts")
    steps = _steps(outcomes, texts, design, space, fitted, settings, seed)
    known_texts = {}
    for stage in known[1:]:
        place = place_vectors(texts, stage)
        known_texts[stage] = learn_known(place[fitted], steps, place[tune])
    priors: Floats = np.zeros(len(outcomes.references), np.float32)
    return Router(texts, design, vocabulary, space, stages, ground, known_texts, priors, np.flatnonzero(tune))


def _steps(
    outcomes: Outcomes, texts: Texts, design: Design, space: Space, fitted: Mask, settings: Settings, seed: int
) -> Floats:
    """Return the step of each fitted text, from where a static head that was fitted on the other parts puts it.

    From where a head puts it that has seen it, its outcomes would ask for little, and for what is chance.
    """
    part = np.floor(group_parts(np.array([query.group for query in outcomes.queries]), seed + CROSS_SEED) * CROSS_PARTS)
    dense = stage_features(texts, design, Stage.STATIC)
    latent = np.zeros((len(part), settings.latent), np.float32)
    short = replace(settings, iterations=min(settings.iterations, CROSS_ITERATIONS))
    for held in range(CROSS_PARTS):
        others, own = fitted & (part != held), fitted & (part == held)
        score, seen = outcomes.score[others], outcomes.seen[others]
        head = fit_head(design.words[others], dense[others], score, seen, space, short)
        latent[own] = head.latent(design.words[own], dense[own])
    return newton_steps(latent[fitted], space, outcomes.score[fitted], outcomes.seen[fitted])


def group_parts(groups: NDArray[np.str_], seed: int) -> Doubles:
    """Give each query a number in [0, 1) that its whole group shares."""
    names, of = np.unique(groups, return_inverse=True)
    drawn: Doubles = np.random.default_rng(seed).permutation(len(names))[of] / max(len(names), 1)
    return drawn


def ground_features(design: Design) -> Floats:
    """Return what the ground reads: the length, and its square."""
    return with_one(design.scalars[:, :GROUND_SCALARS])


def _joint(
    design: Design, dense: Floats, score: Floats, seen: Mask, fitted: Mask, settings: Settings, seed: int
) -> tuple[Space, Head]:
    """Fit abilities and the dearest stage together, and bring the axes to unit spread."""
    everything = Design(design.words, dense, design.familiarity).rows(fitted)
    model = fit(everything, score, seen, settings, seed=seed)
    spread = model.latent(everything).std(axis=0) + np.float32(1e-6)
    space = Space((model.loadings * spread).astype(np.float32), model.intercepts)
    return space, Head((model.words / spread).astype(np.float32), (model.scalars / spread).astype(np.float32))


def _calibrated(raw: Router, outcomes: Outcomes, fitted: Rows) -> Router:
    """Set Platt maps by the best stage, two factors per stage, spreads and priors."""
    tune = raw.tune
    score, seen = outcomes.score[tune].astype(np.float64), outcomes.seen[tune]
    raw = replace(raw, stages={stage: _with_near(raw, stage, score, seen) for stage in raw.stages})
    best = raw.latent(tune, raw.best).astype(np.float64)
    loadings = raw.space.loadings.astype(np.float64)
    intercepts = raw.space.intercepts.astype(np.float64)
    for column in range(len(intercepts)):
        rows = seen[:, column]
        slope, shift = platt(best[rows] @ loadings[column] + intercepts[column], score[rows, column])
        loadings[column] *= slope
        intercepts[column] = slope * intercepts[column] + shift
    space = Space(loadings.astype(np.float32), intercepts.astype(np.float32))
    stages = {}
    for stage, model in raw.stages.items():
        latent = raw.latent(tune, stage).astype(np.float64)
        factor = 1.0 if stage is raw.best else stretch(space.slopes(latent), space.intercepts, score, seen)
        spread = (best - latent * factor).std(axis=0)
        stages[stage] = replace(model, factor=factor, spread=spread.astype(np.float32))
    priors = logistic(space.logits(raw.content(fitted, raw.best))).mean(axis=0)
    return replace(raw, space=space, stages=stages, priors=priors.astype(np.float32))


def _with_near(raw: Router, stage: Stage, score: Doubles, seen: Mask) -> StageModel:
    """Return a stage with the share of near texts' step that fits the scores best, 0 at least."""
    model = raw.stages[stage]
    if stage is Stage.FOLDED:
        return model
    whole = replace(raw, stages={**raw.stages, stage: replace(model, near=1.0)})
    without = raw.latent(raw.tune, stage).astype(np.float64)
    added = whole.latent(raw.tune, stage).astype(np.float64) - without
    fixed = raw.space.slopes(without) + raw.space.intercepts
    return replace(model, near=max(stretch(raw.space.slopes(added), fixed, score, seen), 0.0))
