"""What `tiergate doctor` asks scorers elsewhere: whether they answer, with the right model, and in time."""

from collections.abc import Awaitable, Callable
from functools import partial

from gateway.adapters.artefact import Artefact
from gateway.app.doctor import Finding, fail, ok, warn
from gateway.app.remote_scoring import NotReached, look_at_remote, look_at_systemone
from gateway.app.settings import CannotStart
from gateway.policy.snapshot import PolicySnapshot
from gateway.ports import Clock

Look = Callable[[], Awaitable[object]]


async def scorers(snapshot: PolicySnapshot, artefact: Artefact, clock: Clock) -> list[Finding]:
    """Report for each scorer that the policy names elsewhere; nothing where it names none."""
    terms, found = snapshot.classifier, []
    if terms.remote is not None:
        look = partial(look_at_remote, terms.remote, artefact.manifest.latent)
        found.append(await _judged("remote scorer", terms.remote.base_url, look, terms.deadline_s, clock))
    if terms.systemone is not None:
        asks = partial(look_at_systemone, terms.systemone)
        found.append(await _judged("System One scorer", terms.systemone.base_url, asks, terms.deadline_s, clock))
    return found


async def _judged(subject: str, where: str, look: Look, deadline_s: float, clock: Clock) -> Finding:
    try:
        # The first question to a model may have to load it.
        await look()
        began_s = clock.now_s()
        await look()
    except NotReached as trouble:
        mend = "start it, or mend its url in the policy; until then the static stage decides"
        return warn(subject, f"{where} cannot be asked: {trouble}", mend)
    except CannotStart as problem:
        return fail(subject, str(problem), "see above: the gateway does not start")
    took_s = clock.now_s() - began_s
    what = f"{where} answers in {took_s * 1e3:.0f} ms"
    if took_s > deadline_s:
        mend = "allow more by `classifier: {deadline: …}`, or give it a faster machine"
        return warn(subject, f"{what}, connection and all, and may take {deadline_s * 1e3:.0f} ms", mend)
    return ok(subject, what)
