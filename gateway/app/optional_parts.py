"""Parts that need an extra of the distribution, imported when they are asked for."""

import pkgutil
from collections.abc import Callable, Sequence

from gateway.app.settings import CannotStart
from gateway.core.probes.probe import Family


def gym_families() -> Sequence[Family]:
    """Return the families of reasoning-gym. Raises CannotStart where it is not installed."""
    try:
        made: Callable[[], Sequence[Family]] = pkgutil.resolve_name("gateway.adapters.gym_probes:gym_families")
    except ModuleNotFoundError as error:
        raise CannotStart(f"--gym needs {error.name}. Run: pip install 'tiergate[calibrate]'") from error
    return made()
