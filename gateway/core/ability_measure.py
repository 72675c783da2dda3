"""From graded probes to an ability one may act on, with what is known of how far probes are from traffic."""

import math
from collections.abc import Sequence

from gateway.core.ability_fit import AbilityFit, Observation, fit_ability, prior_of, shift_variance
from gateway.core.reliability import GradedAnswer
from gateway.domain.ability import Score, sigmoid
from gateway.domain.calibration import Catalogue
from gateway.domain.noun import noun


@noun
class ScoredAnswer:
    """A graded answer, and where its question lies."""

    graded: GradedAnswer
    score: Score


@noun
class Measured:
    """What probes say of a tier. All errors are standard deviations on the logit scale.

    `own_error` is that of a calibration request's logit, on average, from the number of probes and from where they
    lie; `shift_error` comes of probes not being the traffic; `standard_error` joins them. `prior` is the mean
    acceptance over the calibration requests. `used` answers are in the fit: those whose text the scorer knows.
    """

    fit: AbilityFit
    prior: float
    own_error: float
    shift_error: float
    kinds: tuple[str, ...]
    used: int

    @property
    def standard_error(self) -> float:
        """Return the error that the tier's ability carries."""
        return math.hypot(self.own_error, self.shift_error)


def measure(answers: Sequence[ScoredAnswer], catalogue: Catalogue, between_tasks: float) -> Measured:
    """Fit a tier's ability. Raises ValueError where the catalogue has too few references for a prior.

    `between_tasks` is the deviation of a model's offset between kinds of task, as the artefact states it. A text that
    the scorer hardly knows has no place in the latent space worth fitting on, so it is left out.
    """
    known = [each for each in answers if each.score.is_known]
    observations = [Observation(each.score.latent, each.graded.is_right) for each in known]
    fit = fit_ability(observations, prior_of(catalogue.references.values()))
    kinds = tuple(sorted({each.graded.kind for each in known}))
    served = {task for ability in catalogue.references.values() for task in ability.tasks}
    latents = [request.score.latent for request in catalogue.requests if request.score.is_known]
    # Without requests the middle of the latent space stands for them: it is centred on them.
    latents = latents or [(0.0,) * len(fit.loadings)]
    return Measured(
        fit=fit,
        prior=math.fsum(sigmoid(fit.logit(latent)) for latent in latents) / len(latents),
        own_error=math.sqrt(math.fsum(fit.logit_variance(latent) for latent in latents) / len(latents)),
        shift_error=math.sqrt(shift_variance(between_tasks, len(kinds), len(served))),
        kinds=kinds,
        used=len(known),
    )
