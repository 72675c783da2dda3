"""Put the stages of the difficulty model together: those that the model has, this machine can run and the policy wants.

Read at the start: the policy's `classifier` section. A stage that the policy insists on and that cannot be had keeps
the gateway from starting; one that it merely allows is left out, and the log says why.
"""

import asyncio
import logging
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, Protocol

from gateway.adapters.artefact import Artefact, ArtefactError
from gateway.adapters.chance import uniform
from gateway.adapters.embedder_encoder import EncoderEmbedder
from gateway.adapters.encoder_artefact import WEIGHTS, EncoderFiles, EncoderManifest, load_encoder
from gateway.adapters.encoder_batches import EncoderBatches, Lane, OneThread, Watch
from gateway.adapters.encoder_model import CannotEncode, EncoderModel
from gateway.adapters.encoder_recent import RecentTexts
from gateway.adapters.metrics import Metrics
from gateway.adapters.remote_asking import RemoteAsking
from gateway.adapters.scorer_chain import ScorerChain
from gateway.adapters.scorer_encoder import EncoderScorer
from gateway.adapters.scorer_folded import FoldedScorer
from gateway.adapters.scorer_remote import RemoteScorer
from gateway.adapters.scorer_static import StaticScorer
from gateway.adapters.scorer_systemone import SystemOneScorer
from gateway.adapters.scorer_turns import Turns
from gateway.app.remote_scoring import SystemOne, make_remote, make_systemone
from gateway.app.settings import CannotStart
from gateway.core.batching import LENGTHS, BatchRules
from gateway.domain.ability import ClassifierOutcome, ScorerChoice
from gateway.domain.classifier import ENCODER_CPU_TOKENS, EncoderDevice
from gateway.policy.snapshot import PolicySnapshot
from gateway.ports import Clock, UpstreamTransport

log = logging.getLogger("tiergate")

GPU_BATCH: Final = 256
"""Texts in one pass: with more, each waits longer than the pass gains."""
GPU_AHEAD: Final = 2
"""Passes under way: the next is ready when one ends, so that the GPU does not wait for the event loop."""
CPU_BATCH: Final = 1
"""On a CPU two texts take twice the time of one, so the first would only wait for the second."""
_CUDA, _CPU = "cuda", "cpu"


class Session(EncoderModel, Protocol):
    """An encoder that has yet to be warmed up."""

    def warm_up(self, shapes: list[tuple[int, int]]) -> None: ...


@dataclass(frozen=True, slots=True)
class Runtime:
    """What runs encoders: whether it could use a GPU, and how to load one. Raises CannotEncode."""

    has_cuda: Callable[[], bool]
    load: Callable[[Path, str, int], Session]


def find_runtime() -> Runtime | None:
    """Return ONNX Runtime where it is installed."""
    try:
        has_cuda: Callable[[], bool] = pkgutil.resolve_name("gateway.adapters.encoder_session:has_cuda")
        session = pkgutil.resolve_name("gateway.adapters.encoder_session:EncoderSession")
    except ModuleNotFoundError:
        return None
    return Runtime(has_cuda, lambda model, device, width: session(model, device, width=width))


@dataclass(frozen=True, slots=True)
class _Own:
    """The encoder of this process: as a stage, and, where it runs on the CPU, as an embedder of questions."""

    scorer: EncoderScorer
    embedder: EncoderEmbedder | None


@dataclass(frozen=True, slots=True)
class _Made:
    """The stages that were made for an encoder's manifest."""

    manifest: EncoderManifest | None
    encoder: _Own | None
    remote: RemoteScorer | None

    @property
    def has_any(self) -> bool:
        return self.encoder is not None or self.remote is not None


class Scoring:
    """Makes what scores requests from a difficulty model, and closes what that has opened."""

    def __init__(
        self,
        snapshot: PolicySnapshot,
        directory: Path,
        *,
        clock: Clock,
        metrics: Metrics,
        transport: UpstreamTransport,
        runtime: Callable[[], Runtime | None] = find_runtime,
    ) -> None:
        self._terms = snapshot.classifier
        self._routes = [(route.name, route.scorer) for route in snapshot.routes.values()]
        self._directory = directory
        self._clock = clock
        self._transport = transport
        self._runtime = runtime
        self._watch = Watch(metrics.observe_batch, metrics.count_encoder_failure, log.error)
        self._made: list[_Made] = []
        self._embedders: dict[str, EncoderEmbedder] = {}
        self._systemone: SystemOne | None = None
        self._open: list[EncoderBatches | RemoteScorer | OneThread | RemoteAsking[bool]] = []

    def make(self, artefact: Artefact) -> ScorerChain:
        """Build the chain of stages. Loads and warms up the encoder, so not for an event loop. Raises CannotStart.

        For a model whose encoder is the one before, that goes on. An encoder that was replaced stays in memory until
        the end: requests may still be under way in it.
        """
        try:
            files = load_encoder(self._directory, artefact)
            manifest = None if files is None else files.manifest
            made = next((each for each in self._made if each.manifest == manifest), None)
            if made is None:
                made = _Made(manifest, self._encoder(files), self._remote(files, artefact))
                self._made.append(made)
        except (ArtefactError, CannotEncode) as error:
            raise CannotStart(f"The encoder cannot be used: {error}") from error
        own = made.encoder
        self._check(own is not None)
        if own is not None and own.embedder is not None:
            self._embedders[artefact.catalogue.digest] = own.embedder
        adds = {} if manifest is None or not made.has_any else manifest.adds
        table = artefact.table
        return ScorerChain(
            FoldedScorer(table, adds.get("folded", table.adds)),
            static=StaticScorer(artefact.static, table, adds.get("static", ())),
            encoder=None if own is None else own.scorer,
            remote=made.remote,
            systemone=self._decider(artefact),
            turns=Turns(self._clock),
        )

    def embedder_of(self, artefact: Artefact) -> EncoderEmbedder | None:
        """Return what embeds questions by the encoder of a model that a chain was made for, where that is on the CPU.

        Verifiers are trained with what the model for the CPU says, in int8, and measured with nothing else.
        """
        return self._embedders.get(artefact.catalogue.digest)

    async def aclose(self) -> None:
        """Answer who still waits for an encoder, and end its thread."""
        for each in self._open:
            await each.aclose()

    def _check(self, has_encoder: bool) -> None:
        """Raise CannotStart for a route that insists on a stage which is not there."""
        for name, scorer in self._routes:
            if scorer is ScorerChoice.ENCODER and not has_encoder:
                raise CannotStart(
                    f"routes.{name} says `scorer: encoder`, and there is none (see the log): write "
                    "`classifier: {device: cpu}` if the CPU may run it, or `scorer: auto`"
                )

    def _encoder(self, files: EncoderFiles | None) -> _Own | None:
        device = self._terms.device
        if device is EncoderDevice.OFF:
            return None
        must = device is not EncoderDevice.AUTO
        if files is None:
            if must:
                path, remedy = self._directory / "encoder", "Write one: python -m router_models encoder build"
                raise ArtefactError(path, f"is not there, and the policy says `device: {device}`", remedy)
            return None
        runtime = self._runtime()
        if runtime is None:
            extra = "encoder" if device is EncoderDevice.CPU else "encoder-gpu"
            _go_without(must, f"onnxruntime is not installed. Run: pip install 'tiergate[{extra}]'")
            return None
        if device is EncoderDevice.CPU:
            return self._stage(files, self._cpu_lane(files, runtime), None)
        if not must and not runtime.has_cuda():
            _go_without(False, "there is no GPU; `classifier: {device: cpu}` runs it on the CPU")
            return None
        try:
            lane = self._gpu_lane(files, runtime)
        except (ArtefactError, CannotEncode) as error:
            if must:
                raise
            _go_without(False, str(error))
            return None
        return self._stage(files, lane, partial(self._cpu_lane, files, runtime))

    def _stage(self, files: EncoderFiles, lane: Lane, spare: Callable[[], Lane] | None) -> _Own:
        thread = OneThread("tiergate-encoder")
        batches = EncoderBatches(
            lane,
            padding=files.pieces.padding,
            aside=thread,
            clock=self._clock,
            call_later=_call_later,
            watch=self._watch,
            spare=spare,
        )
        self._open += [batches, thread]
        log.info("the encoder %s runs on %s", files.name, lane.model.device)
        recent, manifest = RecentTexts(batches), files.manifest
        scorer = EncoderScorer(recent, files.pieces, files.name)
        weights = manifest.weights_sha256.get(WEIGHTS, "")
        if lane.model.device != _CPU or not weights:
            return _Own(scorer, None)
        return _Own(scorer, EncoderEmbedder(recent, files.pieces, weights, manifest.embedding, lane.rules.deadline_s))

    def _gpu_lane(self, files: EncoderFiles, runtime: Runtime) -> Lane:
        terms = self._terms
        session = runtime.load(files.model_for(_CUDA), _CUDA, files.manifest.latent)
        lengths = [length for length in LENGTHS if length < terms.tokens] + [terms.tokens]
        session.warm_up([(texts, length) for length in lengths for texts in (1, min(GPU_BATCH, terms.queue))])
        rules = BatchRules(terms.window_s, terms.queue, GPU_BATCH, terms.deadline_s, GPU_AHEAD)
        return Lane(session, rules, terms.tokens, ClassifierOutcome.ENCODER)

    def _cpu_lane(self, files: EncoderFiles, runtime: Runtime) -> Lane:
        """Raise CannotEncode also where the file is at fault: as a spare this runs in the middle of serving."""
        terms = self._terms
        tokens = min(terms.tokens, ENCODER_CPU_TOKENS)
        try:
            model = files.model_for(_CPU)
        except ArtefactError as error:
            raise CannotEncode(str(error)) from error
        session = runtime.load(model, _CPU, files.manifest.latent)
        session.warm_up([(1, length) for length in LENGTHS if length <= tokens])
        rules = BatchRules(0.0, terms.queue, CPU_BATCH, terms.cpu_deadline_s)
        return Lane(session, rules, tokens, ClassifierOutcome.ENCODER_CPU)

    def _decider(self, artefact: Artefact) -> SystemOneScorer | None:
        """Build the stage that asks a System One server, which all chains ask together."""
        if self._systemone is None:
            found = make_systemone(self._terms, transport=self._transport, clock=self._clock, chance=uniform)
            if found is None:
                return None
            self._systemone = found
            self._open.append(found.asking)
        return self._systemone.stage(artefact.catalogue)

    def _remote(self, files: EncoderFiles | None, artefact: Artefact) -> RemoteScorer | None:
        if self._terms.remote is None:
            return None
        if files is None:
            raise CannotStart(
                f"{self._directory / 'encoder'} is not there, and the remote scorer needs its vocabulary: write it "
                "with python -m router_models encoder build, or remove `classifier: {remote: …}`"
            )
        remote = make_remote(
            self._terms,
            files.pieces,
            width=artefact.manifest.latent,
            transport=self._transport,
            clock=self._clock,
            chance=uniform,
        )
        if remote is not None:
            self._open.append(remote)
        return remote


def _go_without(must: bool, why: str) -> None:
    """Say why there is no encoder. Raises CannotEncode where there must be one."""
    if must:
        raise CannotEncode(why)
    log.info("the encoder is off: %s", why)


def _call_later(delay_s: float, action: Callable[[], None]) -> asyncio.TimerHandle:
    return asyncio.get_running_loop().call_later(delay_s, action)
