"""The difficulty model in force, and the one door by which another takes its place without a restart.

    directory ─ load and check ─ scorer, and judges of semantic hits ─┐
                                         ├─ snapshot, which names its model ─▶ in force
    policy in force ─ compile anew ──────┘

A request reads the snapshot once and takes the scorer and the judge that it names, so it never gets one of each. The
scorer before stays with the requests that hold it.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path

from gateway.adapters.artefact import Artefact, ArtefactError, load_artefact
from gateway.app.policy_in_force import Compile, PolicyInForce, Reloads
from gateway.app.settings import CannotStart
from gateway.pipeline.world import HitJudges
from gateway.policy.problems import render
from gateway.ports import Scorer

MakeScorer = Callable[[Artefact], Scorer]
"""Raises CannotStart where a stage that the policy insists on cannot be had."""


MakeJudges = Callable[[Artefact], HitJudges | None]
"""Called after the scorer of the same model was made; None for a model that came without a verifier."""


class ArtefactInForce:
    """Holds the scorers and judges by their model's digest: one, and for the moment of a swap two."""

    def __init__(
        self,
        artefact: Artefact,
        policy: PolicyInForce,
        *,
        compiler: Callable[[Artefact], Compile],
        make_scorer: MakeScorer,
        make_judges: MakeJudges,
    ) -> None:
        self.artefact = artefact
        self.scorers: dict[str, Scorer] = {}
        self.judges: dict[str, HitJudges] = {}
        self._hold(artefact.catalogue.digest, make_scorer(artefact), make_judges(artefact))
        self.reloads = Reloads()
        self.problem = ""
        """What was wrong with the model that was offered last; empty when it was taken."""
        self._policy = policy
        self._compiler = compiler
        self._make_scorer = make_scorer
        self._make_judges = make_judges

    async def offer(self, directory: Path) -> bool:
        """Take the model in the directory if it is sound and the policy compiles against it; tell whether it is new.

        A model that is not taken changes nothing but what `problem` says.
        """
        try:
            offered = await asyncio.to_thread(load_artefact, directory)
        except ArtefactError as error:
            return self._refuse(str(error))
        digest = offered.catalogue.digest
        if digest == self.artefact.catalogue.digest:
            self.problem = ""
            return False
        try:
            scorer, judges, compile_source = await asyncio.to_thread(self._prepare, offered)
        except CannotStart as error:
            return self._refuse(str(error))
        self._hold(digest, scorer, judges)
        problems = await asyncio.to_thread(self._policy.adopt, compile_source)
        if problems:
            self._let_go(digest)
            return self._refuse(f"the policy does not compile against it:\n{render(problems)}")
        # Requests look their scorer up on this very thread, so none can still be about to look up the former.
        for former in [each for each in self.scorers if each != digest]:
            self._let_go(former)
        self.artefact, self.problem = offered, ""
        self.reloads.accepted += 1
        return True

    def _prepare(self, offered: Artefact) -> tuple[Scorer, HitJudges | None, Compile]:
        return self._make_scorer(offered), self._make_judges(offered), self._compiler(offered)

    def _hold(self, digest: str, scorer: Scorer, judges: HitJudges | None) -> None:
        self.scorers[digest] = scorer
        if judges is not None:
            self.judges[digest] = judges

    def _let_go(self, digest: str) -> None:
        del self.scorers[digest]
        self.judges.pop(digest, None)

    def _refuse(self, problem: str) -> bool:
        if problem != self.problem:
            self.problem = problem
            self.reloads.refused += 1
        return False
