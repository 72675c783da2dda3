"""Routers fitted on part of the data, and where they put the rest: kept on disk, so that no fit is made twice."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from router_models import known_texts, ridges, router
from router_models.data import Floats, Mask, Outcomes
from router_models.heads import Space
from router_models.low_rank import Settings
from router_models.router import Router, Rows, Stage, fit_router
from router_models.scientific import Doubles, logistic
from router_models.texts import Texts

FORMAT: Final = 3
"""To be raised when a fit changes in a way that no setting shows."""
KEPT: Final = Path(".tiergate") / "evaluate"

Note = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a router that has not seen some texts' outcomes puts those texts, by stage (cheapest first)."""

    rows: Rows
    latents: Mapping[Stage, Floats]
    spreads: Mapping[Stage, Floats]
    familiarity: Floats
    space: Space
    priors: Floats

    @property
    def best(self) -> Stage:
        """Return the dearest stage."""
        return list(self.latents)[-1]

    def some(self, at: Rows) -> "Placed":
        """Return some of the texts, by their position here."""
        latents = {stage: latent[at] for stage, latent in self.latents.items()}
        return replace(self, rows=self.rows[at], latents=latents, familiarity=self.familiarity[at])

    def chance(self, stage: Stage, columns: list[int] | None = None) -> Doubles:
        """Return texts x references (those of `columns`, or all) P(acceptable), as `Router.chance` does."""
        known = self.familiarity[:, None].astype(np.float64)
        found: Doubles = known * self.modelled(stage, columns) + (1 - known) * self.priors[_taken(columns)]
        return found

    def modelled(self, stage: Stage, columns: list[int] | None = None) -> Doubles:
        """Return the same without what familiarity takes."""
        taken = _taken(columns)
        space = Space(self.space.loadings[taken], self.space.intercepts[taken])
        return logistic(space.logits(self.latents[stage]))


def _taken(columns: list[int] | None) -> slice | list[int]:
    return slice(None) if columns is None else columns


def place(fitted: Router, rows: Rows) -> Placed:
    """Put texts where every stage of a router has them."""
    return Placed(
        rows=rows,
        latents={stage: fitted.latent(rows, stage) for stage in fitted.stages},
        spreads={stage: model.spread for stage, model in fitted.stages.items()},
        familiarity=fitted.familiarity(rows),
        space=fitted.space,
        priors=fitted.priors,
    )


@dataclass(frozen=True, slots=True)
class Fits:
    """Makes the fits that protocols ask for, under their names, below one directory."""

    outcomes: Outcomes
    texts: Texts
    settings: Settings
    seed: int
    directory: Path
    note: Note

    def router(self, training: Mask) -> Router:
        """Fit a router; nothing is kept."""
        return fit_router(self.outcomes, self.texts, training, self.settings, seed=self.seed)

    def has(self, name: str) -> bool:
        """Tell whether a fit was made before."""
        return self._path(name).is_file()

    def placed(self, name: str, training: Mask, tested: Mask) -> Placed:
        """Fit on some rows and place others, unless that was done before."""
        path = self._path(name)
        if path.is_file():
            self.note(f"{name}: kept from before")
            return _read(path)
        self.note(f"{name}: fit on {int(training.sum()):,} queries, to place {int(tested.sum()):,}")
        found = place(self.router(training), np.flatnonzero(tested))
        _write(path, found)
        return found

    def _path(self, name: str) -> Path:
        return self.directory / f"{name}.npz"


def kept_at(directory: Path, settings: Settings, seed: int, digest: str, has_encoder: bool) -> Path:
    """Return where fits under these settings are kept: another room for whatever would make another fit."""
    told = {
        "format": FORMAT,
        "settings": asdict(settings),
        "seed": seed,
        "data": digest,
        "encoder": has_encoder,
        "constants": _constants(),
    }
    return directory / hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]


def _constants() -> dict[str, str]:
    return {
        f"{module.__name__}.{name}": str(value)
        for module in (router, known_texts, ridges)
        for name, value in sorted(vars(module).items())
        if name.isupper() and isinstance(value, int | float)
    }


def _write(path: Path, placed: Placed) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays = {f"latent_{stage}": latent for stage, latent in placed.latents.items()}
    arrays |= {f"spread_{stage}": spread for stage, spread in placed.spreads.items()}
    unfinished = path.with_suffix(".part")
    arrays |= {"familiarity": placed.familiarity, "priors": placed.priors}
    arrays |= {"loadings": placed.space.loadings, "intercepts": placed.space.intercepts}
    with unfinished.open("wb") as file:
        np.savez(file, allow_pickle=False, rows=placed.rows, **arrays)
    unfinished.replace(path)


def _read(path: Path) -> Placed:
    with np.load(path, allow_pickle=False) as kept:
        stages = [stage for stage in Stage if f"latent_{stage}" in kept]
        return Placed(
            rows=kept["rows"],
            latents={stage: kept[f"latent_{stage}"] for stage in stages},
            spreads={stage: kept[f"spread_{stage}"] for stage in stages},
            familiarity=kept["familiarity"],
            space=Space(kept["loadings"], kept["intercepts"]),
            priors=kept["priors"],
        )
