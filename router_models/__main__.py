"""Train, calibrate, evaluate, export and time the difficulty model: `python -m router_models --help`."""

import pkgutil
import sys
from collections.abc import Callable, Sequence

from gateway.adapters.blas import multiply_with_one_thread


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 on success, 2 when the data or a model are missing.

    Sums are added up in one order, whatever the number of cores: a fit that is ended after so many steps would end
    elsewhere. numpy reads that as it is loaded, so the commands are loaded after it.
    """
    multiply_with_one_thread()
    run: Callable[[Sequence[str] | None], int] = pkgutil.resolve_name("router_models.cli:main")
    return run(arguments)


if __name__ == "__main__":
    sys.exit(main())
