"""Read what a policy is compiled from: the difficulty model, the file, and what the file refers to.

Apart from `wiring`, so that a command which only looks at a policy does not load what serving needs.
"""

from collections.abc import Callable
from pathlib import Path

from gateway.adapters.artefact import Artefact, ArtefactError, load_artefact, shipped_artefact
from gateway.adapters.calibration_files import CalibrationFiles
from gateway.adapters.clock import SystemClock
from gateway.adapters.price_catalogue import PriceCatalogue
from gateway.adapters.secrets import Secrets
from gateway.app.policy_in_force import Compile, PolicyInForce
from gateway.app.settings import TABLE, CannotStart, Settings, environment
from gateway.core.dial import choose_dial
from gateway.domain.tier import Secret
from gateway.policy.compile import compile_policy
from gateway.policy.problems import Problem, render
from gateway.policy.snapshot import PolicySnapshot
from gateway.policy.source import PolicySource

SecretLookup = Callable[[str], Secret | str]

DEFAULT_POLICY = Path(next(setting.default for setting in TABLE if setting.name == "policy"))


def compiler(artefact: Artefact, secrets: SecretLookup | None = None, *, with_calibrations: bool = True) -> Compile:
    """Bind the policy's compiler to what it may refer to: reference models, prices, secrets.

    Secrets come from the environment and from files when no other lookup is given. Without calibrations a policy
    can be read whose calibrations are yet to be made.
    """
    prices, lookup = PriceCatalogue(SystemClock.wall_s()), secrets or Secrets(environment())

    def compile_source(source: PolicySource) -> PolicySnapshot | list[Problem]:
        return compile_policy(
            source,
            catalogue=artefact.catalogue,
            secrets=lookup,
            prices=prices,
            choose_dial=choose_dial,
            calibrations=CalibrationFiles(Path(source.name).parent) if with_calibrations else None,
        )

    return compile_source


def forgiving_secrets() -> SecretLookup:
    """Look secrets up, and put the reference itself in the place of one that is not there.

    For commands that call nobody: a policy can then be looked at where its secrets are not.
    """
    lookup = Secrets(environment())

    def find(reference: str) -> Secret | str:
        found = lookup(reference)
        return found if isinstance(found, Secret) else Secret(reference)

    return find


def read_artefact(directory: Path | None) -> Artefact:
    """Load a difficulty model; None stands for the packaged one. Raises CannotStart."""
    try:
        return load_artefact(directory or shipped_artefact())
    except ArtefactError as error:
        raise CannotStart(f"The difficulty model cannot be used: {error}") from error


def read_source(path: Path) -> PolicySource:
    """Read a policy file. Raises CannotStart."""
    try:
        return PolicySource(str(path), path.read_bytes())
    except OSError as error:
        said = f"The policy {path} cannot be read: {error.strerror}."
        if path == DEFAULT_POLICY:
            said += " It is the default; name another with --policy FILE or TIERGATE_POLICY=FILE."
        raise CannotStart(said) from error


def read_policy(settings: Settings, artefact: Artefact) -> PolicyInForce:
    """Read and compile the policy. Raises CannotStart with every problem it has."""
    compile_source = compiler(artefact)
    source = read_source(settings.policy)
    compiled = compile_source(source)
    if isinstance(compiled, list):
        raise CannotStart(f"The policy has problems:\n{render(compiled)}")
    return PolicyInForce(compiled, source, compile_source, may_open=settings.is_loopback)
